// Says in the page why a passkey did not work; the rest is allauth's own script.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const place = document.getElementById("passkey-error");
  if (!place) return;
  const cancelled = event.detail.exception && event.detail.exception.name === "NotAllowedError";
  place.textContent = cancelled
    ? "没有完成：您取消了，或等待超时。可以再试一次。"
    : "这台设备或浏览器不能用通行密钥。请改用密码和验证码。";
  place.hidden = false;
});
