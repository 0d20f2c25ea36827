// An OpenID Connect server for the tests: PUT /people/<subject> with claims makes a person who can sign in by that name.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [, , port, clientId, clientSecret, redirectUri] = process.argv;
const issuer = `http://127.0.0.1:${port}`;
const people = new Map();

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: redirectUri.split(","),
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  pkce: { required: () => true },
  claims: {
    openid: ["sub"],
    profile: ["name", "id_type", "id_number", "phone_number", "region_code"],
  },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, subject) =>
    people.has(subject)
      ? { accountId: subject, claims: () => ({ sub: subject, ...people.get(subject) }) }
      : undefined,
  // The service belongs to the state: nobody is asked whether the platform may know who he is.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      accountId: ctx.oidc.session.accountId,
      clientId: ctx.oidc.client.clientId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});
const answer = provider.callback();

createServer((request, response) => {
  if (request.method === "PUT" && request.url.startsWith("/people/")) {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      people.set(decodeURIComponent(request.url.slice("/people/".length)), JSON.parse(body));
      response.writeHead(204).end();
    });
    return;
  }
  answer(request, response);
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));

// Ends with the test run, in whatever way that ends.
process.stdin.on("end", () => process.exit(0)).resume();
