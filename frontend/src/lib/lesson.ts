import { undecided } from "./calls";

const SLACK_S = 3;

/** A stretch of the lesson that was played. Once `sent` may have reached the server it is fixed, its key too. */
type Stretch = { key: string; from: number; to: number; sent?: boolean };

/** Where the material is, whether it plays, and how to stop it. */
type Player = { place(): number; playing(): boolean; pause(): void };

/**
 * An online lesson (`[data-lesson]`): plays the material, counts what was really played, and reports it in small steps. What a dead
 * network or a closed page keeps back waits on the phone and is sent once, in order, when the page is open again. Nothing
 * beyond what has been watched can be jumped to; the server counts no more than the time that has passed anyway.
 */
export function startLesson(): void {
  const box = document.querySelector<HTMLElement>("[data-lesson]");
  if (box) new Lesson(box).start();
}

class Lesson {
  private readonly store: string;
  private readonly length: number;
  private readonly every: number;
  private watched: number;
  private running: Stretch | undefined;
  private ticked = performance.now();
  private sending = false;
  private player: Player;

  constructor(private readonly box: HTMLElement) {
    this.store = `zl-lesson-${box.dataset["lesson"]}`;
    this.length = Number(box.dataset["length"]);
    this.every = Number(box.dataset["every"]);
    // What waits here has been watched too, though the server does not know it yet.
    this.watched = Math.max(Number(box.dataset["watched"]), ...this.waiting().map((one) => one.to));
    const media = box.querySelector("video");
    this.player = media ? this.recording(media) : this.reading();
  }

  start(): void {
    window.setInterval(() => this.tick(), 1_000);
    document.addEventListener("visibilitychange", () => document.hidden && this.close());
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("online", () => void this.send());
    window.addEventListener("offline", () => this.note("没有网络。可以接着学，进度先存在手机里，联网后自动上传。"));
    void this.send();
  }

  private recording(media: HTMLVideoElement): Player {
    media.addEventListener("loadedmetadata", () => {
      if (this.watched < media.duration) media.currentTime = this.watched;
    });
    media.addEventListener("seeking", () => {
      if (media.currentTime > this.watched + SLACK_S) {
        media.currentTime = this.watched;
        this.note("没学过的部分不能快进。");
      }
    });
    media.addEventListener("ratechange", () => {
      if (media.playbackRate !== 1) media.playbackRate = 1;
    });
    media.addEventListener("pause", () => this.close());
    media.addEventListener("ended", () => this.close());
    media.addEventListener("error", () => this.note("材料打不开。请看看网络；一直打不开，请告诉班主任。"));
    return {
      place: () => media.currentTime,
      playing: () => !media.paused && !media.seeking && media.readyState > 2,
      pause: () => media.pause(),
    };
  }

  /** A page is read: the time counts while it is on the screen. */
  private reading(): Player {
    const button = this.box.querySelector<HTMLButtonElement>("[data-lesson-go]");
    let on = false;
    let read = this.watched;
    let before = performance.now();
    const turn = (to: boolean): void => {
      on = to;
      before = performance.now();
      if (button) button.textContent = on ? "暂停计时" : "接着计时";
      if (!on) this.close();
    };
    button?.addEventListener("click", () => turn(!on));
    return {
      place: () => {
        const now = performance.now();
        if (on && !document.hidden) read += Math.min((now - before) / 1000, SLACK_S);
        before = now;
        return read;
      },
      playing: () => on && !document.hidden,
      pause: () => on && turn(false),
    };
  }

  private tick(): void {
    const place = Math.min(this.player.place(), this.length);
    if (!this.player.playing()) {
      this.ticked = performance.now();
      return;
    }
    if (!this.extend(place)) {
      this.close();
      // It began between two ticks: where the last stretch ended, if it went on from there.
      const on = place >= this.watched && place - this.watched <= SLACK_S;
      this.running = { key: crypto.randomUUID(), from: on ? this.watched : place, to: place };
    }
    this.watched = Math.max(this.watched, place);
    if (this.running && this.running.to - this.running.from >= this.every) this.close();
    if (place >= this.length) {
      this.player.pause();
      this.note("学完了，正在上传最后一段进度……");
    }
  }

  /** Whether the stretch that runs goes on to this place: no further than the time since it was last looked at. */
  private extend(place: number): boolean {
    const now = performance.now();
    const passed = (now - this.ticked) / 1000;
    this.ticked = now;
    const running = this.running;
    if (!running || place < running.to || place - running.to > passed + SLACK_S) return false;
    running.to = place;
    return true;
  }

  /** Puts what was played so far into the phone's memory, then sends what it can. */
  private close(): void {
    // Up to the very moment: a pause comes between two ticks.
    this.extend(Math.min(this.player.place(), this.length));
    const done = this.running;
    this.running = undefined;
    if (done) this.watched = Math.max(this.watched, done.to);
    if (!done || Math.floor(done.to) <= Math.floor(done.from)) return void this.send();
    const whole = { ...done, from: Math.floor(done.from), to: Math.floor(done.to) };
    const waiting = this.waiting();
    const last = waiting.at(-1);
    if (last && !last.sent && last.to === whole.from) last.to = whole.to;
    else waiting.push(whole);
    this.keep(waiting);
    // The next second goes on where this one ended.
    if (this.player.playing()) this.running = { key: crypto.randomUUID(), from: whole.to, to: done.to };
    void this.send();
  }

  private async send(): Promise<void> {
    if (this.sending || !navigator.onLine) return;
    this.sending = true;
    try {
      for (let next = this.waiting()[0]; next; next = this.waiting()[0]) {
        if (!(await this.report(next))) return;
      }
    } finally {
      this.sending = false;
    }
  }

  /** Whether the first of what waits is settled and the next may go. */
  private async report(stretch: Stretch): Promise<boolean> {
    this.keep(this.waiting().map((one) => (one.key === stretch.key ? { ...one, sent: true } : one)));
    const csrf = this.box.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value ?? "";
    const body = new URLSearchParams({
      from_second: String(stretch.from),
      to_second: String(stretch.to),
      key: stretch.key,
      csrfmiddlewaretoken: csrf,
    });
    try {
      const answer = await fetch(this.box.dataset["report"] ?? "", { method: "POST", body, redirect: "manual", keepalive: true });
      if (answer.type === "opaqueredirect" || undecided(answer.status)) {
        this.note("进度暂时传不上去，先存在手机里。请确认已登录，再打开这一页。");
        return false;
      }
      const said = (await answer.json()) as Record<string, unknown>;
      if (!answer.ok) return this.refused(stretch, said);
      this.forget(stretch);
      this.show(Number(said["credited"]), Number(said["planned"]));
      return true;
    } catch {
      this.note("没有网络。可以接着学，进度先存在手机里，联网后自动上传。");
      return false;
    }
  }

  private refused(stretch: Stretch, said: Record<string, unknown>): boolean {
    this.player.pause();
    if (said["code"] === "check_needed") {
      const check = document.querySelector<HTMLElement>("[data-lesson-check]");
      if (check) check.hidden = false;
      check?.scrollIntoView({ block: "center" });
      this.note("请先在上面确认是您本人；已学的存在手机里，确认后自动上传。");
      return false;
    }
    this.forget(stretch);
    this.note([said["what"], said["why"], said["next"]].filter(Boolean).join(""));
    return true;
  }

  private show(credited: number, planned: number): void {
    const figure = document.querySelector<HTMLElement>("[data-lesson-credited]");
    const bar = document.querySelector<HTMLProgressElement>("[data-lesson-bar]");
    if (figure) figure.textContent = String(credited);
    if (bar) bar.value = credited;
    this.note(credited >= planned ? "学完了，课时已全部计入。" : `进度已保存，计入 ${credited} 分钟。`);
  }

  private note(text: string): void {
    const line = this.box.querySelector<HTMLElement>("[data-lesson-note]");
    if (line && text) line.textContent = text;
  }

  private waiting(): Stretch[] {
    try {
      return JSON.parse(localStorage.getItem(this.store) ?? "[]") as Stretch[];
    } catch {
      return [];
    }
  }

  private keep(stretches: Stretch[]): void {
    if (stretches.length) localStorage.setItem(this.store, JSON.stringify(stretches));
    else localStorage.removeItem(this.store);
  }

  private forget(stretch: Stretch): void {
    this.keep(this.waiting().filter((one) => one.key !== stretch.key));
  }
}
