/*
 * Runs in the frame: asks the session endpoint what to show, and shows Cisco's widget or the state
 * that stands in its way. The page around the frame hears of it by events on its <iframe>.
 */
(() => {
  "use strict";

  // Milliseconds.
  const HEAD_START = 100; // A session that needs no answer of Webex's is there by then.
  const BUNDLE_TIMEOUT = 60_000;
  const SESSION_TIMEOUT = 30_000;
  const TICK = 30_000;
  const RENEW_BEFORE = 5 * 60_000;
  const LAST_MOMENT = 60_000;
  const ASK_AGAIN = 5_000;
  const SLEPT = 5 * 60_000;
  const LONGEST_BACK_OFF = 5 * 60_000;
  const CIRCLE = 5 * 60_000;

  // Where Cisco's bundles look for their fonts and pictures, wherever they themselves are from.
  const CDN = "https://code.s4d.io/";

  const page = document.body.dataset;
  const state = document.getElementById("webex-state");
  const form = document.getElementById("webex-guest");
  const query = new URL(window.location).searchParams;
  const room = query.get("room");

  /** What is shown: a status of the session's, and the token that the widget runs with. */
  const shown = { status: null, token: undefined };
  let endsAt = Infinity;
  let askedAt = -Infinity;

  /** The page around the frame, which every button leads back to. */
  function hostPage() {
    const { pathname, search, hash } = window.top.location;
    return pathname + search + hash;
  }

  /** Dispatch "webex:NAME" at the <iframe>, with plain data as its detail. */
  function tell(name, detail = null) {
    const host = window.parent;
    // An object of the host page's own, which outlives this document.
    const data = host.JSON.parse(JSON.stringify(plain(detail) ?? null));
    window.frameElement?.dispatchEvent(
      new host.CustomEvent(`webex:${name}`, { bubbles: true, detail: data }),
    );
  }

  /** Leave out what is no data: with a call comes the SDK's own object, which knows the token. */
  function plain(value, depth = 8) {
    if (value === null || ["string", "number", "boolean"].includes(typeof value)) {
      return value;
    }
    const kind = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
    if (depth === 0 || ![Array.prototype, Object.prototype, null].includes(kind)) {
      return undefined;
    }
    if (Array.isArray(value)) {
      return value.map((item) => plain(item, depth - 1));
    }
    const items = Object.entries(value).map(([key, item]) => [key, plain(item, depth - 1)]);
    return Object.fromEntries(items);
  }

  /** Begin anew, but not in a circle, whatever the answers are. */
  function reload() {
    const recent = (window.history.state?.reloads ?? []).filter((at) => at > Date.now() - CIRCLE);
    if (recent.length < 3) {
      window.history.replaceState({ reloads: [...recent, Date.now()] }, "");
      window.location.reload();
    }
  }

  // Showing a state

  /** Show one sentence and, where there is a next step, one button. */
  function show(status, text, next) {
    const [message, action] = [state.querySelector("p"), state.querySelector("a")];
    message.textContent = text;
    action.hidden = !next;
    if (next) {
      action.textContent = next.label;
      action.target = next.target;
      // To begin again is to begin with what was chosen and clicked here.
      action.href = next.target === "_self" ? window.location.href : next.url;
    }
    reveal(state);
    shown.status = status;
    tell("state", { status, message: text });
  }

  /** Let this one of the frame's parts be seen. */
  function reveal(part) {
    state.dataset.state = "shown";
    for (const other of document.querySelectorAll("#webex-widget, #webex-state, #webex-guest")) {
      other.hidden = other !== part;
    }
  }

  function showRetry(status, text) {
    show(status, text, { label: page.retry, url: window.location.href, target: "_self" });
    tell("error", { message: text });
  }

  /** Ask a visitor by which name to take part as a guest. */
  function askForName(answer) {
    form.querySelector("p").textContent = answer.message;
    form.querySelector("button").textContent = answer.action.label;
    form.action = answer.action.url;
    form.elements.csrfmiddlewaretoken.value = answer.csrf_token;
    reveal(form);
    shown.status = answer.status;
    tell("state", { status: answer.status, message: answer.message });
  }

  // Asking

  /** Resolve with the session's answer; reject where there is none that can be read. */
  async function askSession() {
    const address = new URL(page.session, window.location);
    address.searchParams.set("next", hostPage());
    if (room) {
      address.searchParams.set("room", room);
    }
    askedAt = Date.now();
    const abort = new AbortController();
    setTimeout(() => abort.abort(), SESSION_TIMEOUT);
    const response = await fetch(address, {
      cache: "no-store",
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      signal: abort.signal,
    });
    const answer = await response.json();
    if (!answer.status) {
      throw new TypeError("not a session's answer");
    }
    return answer;
  }

  // Cisco's bundle

  /** Resolve when this part of Cisco's bundle has loaded; reject when it cannot be had. */
  function load(element, integrity) {
    return new Promise((resolve, reject) => {
      if (integrity) {
        element.integrity = integrity;
        element.crossOrigin = "anonymous";
      }
      element.onload = resolve;
      element.onerror = reject;
      setTimeout(reject, BUNDLE_TIMEOUT);
      // Ahead of our own stylesheet, which has the last word on the frame itself.
      document.head.prepend(element);
    });
  }

  /**
   * Lead a bundle that is not Cisco's CDN's to its own fonts and pictures. Its loader, a function,
   * keeps the address of the CDN in its property "p"; the bundle itself stays as Cisco made it.
   */
  function keepPublicPath(script) {
    const base = new URL(".", script.src).href;
    Object.defineProperty(Function.prototype, "p", {
      configurable: true,
      set(value) {
        const led = typeof value === "string" && value.startsWith(CDN) ? base : value;
        const property = { value: led, configurable: true, enumerable: true, writable: true };
        Object.defineProperty(this, "p", property);
      },
    });
  }

  /** Resolve when the bundle's script has run; reject when it cannot be had. */
  async function loadScript() {
    const script = document.createElement("script");
    script.src = page.script;
    if (!script.src.startsWith(CDN)) {
      keepPublicPath(script);
    }
    try {
      await load(script, page.scriptIntegrity);
    } finally {
      delete Function.prototype.p;
    }
    if (!window.webex?.widget) {
      throw new TypeError("what was loaded is not Cisco's bundle");
    }
  }

  /** Resolve when the bundle's looks are there, which would change those of the states as well. */
  function loadStylesheet() {
    const stylesheet = document.createElement("link");
    stylesheet.rel = "stylesheet";
    stylesheet.href = page.stylesheet;
    return load(stylesheet, page.stylesheetIntegrity);
  }

  function start(options, expiresIn) {
    const widget = document.getElementById("webex-widget");
    reveal(widget);
    shown.status = "ready";
    shown.token = options.accessToken;
    endsAt = endOf(expiresIn);
    tell("state", { status: "ready" });
    announce(widget);
    window.webex.widget(widget)[page.function]({
      ...options,
      onEvent(name, detail) {
        try {
          tell(name, detail);
          if (name === "rooms:selected" && page.opens) {
            open(detail.data.id);
          }
        } catch (error) {
          console.error(error); // Whatever is wrong with it, it is not the widget's fault.
        }
      },
    });
  }

  /** Tell when the widget shows what it is for, or an error: it has no events for either. */
  function announce(widget) {
    const observer = new MutationObserver(() => {
      const error = widget.querySelector(".webex-error-wrapper");
      const content = widget.querySelector(
        ".webex-title-bar-wrapper, .webex-spaces-list-wrapper",
      );
      if (error) {
        tell("error", { message: error.textContent });
      } else if (content?.textContent) {
        tell("ready");
      } else {
        return;
      }
      observer.disconnect();
    });
    observer.observe(widget, { childList: true, subtree: true, characterData: true });
  }

  /** Show a space, by its id, in the frame of the host page that is there for it. */
  function open(id) {
    const frame = window.parent.document.getElementById(page.opens);
    const address = frame?.src ? new URL(frame.src, window.location) : null;
    if (address?.origin !== origin || address.pathname !== window.location.pathname) {
      console.warn(`webex_recents_widget: there is no webex_space_widget with id="${page.opens}".`);
      return;
    }
    address.searchParams.set("room", id);
    if (frame.contentWindow.location.href !== address.href) {
      // A document of its own: only that ends the other space's socket. The back button is spared.
      frame.contentWindow.location.replace(address);
    }
    frame.scrollIntoView({ block: "nearest" });
  }

  // Staying alive

  let checkAt = Infinity;
  let timer = 0;
  let troubled = false;
  let waiting = false;
  let backOff = ASK_AGAIN;

  /** Ask the session anew in so many milliseconds; of several wishes the earliest counts. */
  function checkIn(delay) {
    const at = Math.max(Date.now() + delay, askedAt + ASK_AGAIN);
    if (shown.status !== null && at < checkAt) {
      checkAt = at;
      clearTimeout(timer);
      timer = setTimeout(check, at - Date.now());
    }
  }

  /** Begin again where the session says something else than what is shown. */
  async function check() {
    checkAt = Infinity;
    try {
      const { status, options, expires_in: expiresIn } = await askSession();
      if (status === "unavailable" && shown.status === "ready") {
        return; // The widget may have better luck.
      }
      const sameToken = options?.accessToken === shown.token;
      // An older token is good until its end, unless Webex seems to think otherwise.
      const needed = troubled || Date.now() > endsAt - RENEW_BEFORE;
      if (status === shown.status && (sameToken || !needed)) {
        endsAt = sameToken ? endOf(expiresIn) : endsAt;
        troubled = waiting = false;
        return;
      }
      // The widget reads its options once, so a new token needs a new document.
      waiting = isBusy() && Date.now() < endsAt - LAST_MOMENT;
      if (!waiting) {
        reload();
      }
    } catch {
      // No network: what is shown may well work again when it is back.
    }
  }

  /** Something went wrong with Webex: ask, but neither all frames at once nor all the time. */
  function notice() {
    troubled = true;
    checkIn(backOff * Math.random());
    backOff = Math.min(2 * backOff, LONGEST_BACK_OFF);
  }

  function endOf(expiresIn) {
    return typeof expiresIn === "number" ? Date.now() + expiresIn * 1000 : Infinity;
  }

  /** Whether the visitor is in the middle of a message or of a call. */
  function isBusy() {
    const element = document.activeElement;
    const writes = element?.value || (element?.isContentEditable && element.textContent);
    const calls = [...document.querySelectorAll("audio, video")].some(
      ({ srcObject }) => srcObject?.active,
    );
    return Boolean(writes) || calls;
  }

  function watch() {
    let tickedAt = Date.now();
    let hiddenAt = Infinity;
    // Every now and then, because timers stand still while a laptop sleeps.
    setInterval(() => {
      const now = Date.now();
      if (waiting || now > endsAt - RENEW_BEFORE || now - tickedAt > SLEPT) {
        checkIn(0);
      } else if (now - askedAt > LONGEST_BACK_OFF) {
        backOff = ASK_AGAIN;
      }
      tickedAt = now;
    }, TICK);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        hiddenAt = Date.now();
      } else if (Date.now() - hiddenAt > SLEPT || shown.status !== "ready") {
        checkIn(0);
      }
    });
    window.addEventListener("online", () => checkIn(0));
    window.addEventListener("pageshow", (event) => event.persisted && checkIn(0));
  }

  /** Notice when Webex refuses the running widget, which itself only tries again for ever. */
  function listenIn() {
    const { send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.send = function (...content) {
      this.addEventListener("load", () => this.status === 401 && notice());
      return send.apply(this, content);
    };
    window.WebSocket = class extends WebSocket {
      constructor(...options) {
        super(...options);
        this.addEventListener("close", notice);
      }
    };
  }

  let script = null;

  function beginScript() {
    script ??= loadScript();
    script.catch(() => {}); // Only who needs it shall hear that it failed.
  }

  async function run() {
    const session = askSession();
    // Who has to sign in or connect first shall not wait for 11 MB of script to run.
    const headStart = setTimeout(beginScript, HEAD_START);
    let answer;
    try {
      answer = await session;
    } catch {
      showRetry("unavailable", page.unavailable);
      return;
    } finally {
      clearTimeout(headStart);
    }
    if (answer.status === "guest_name") {
      askForName(answer);
    } else if (answer.status !== "ready") {
      show(answer.status, answer.message, answer.action);
    } else {
      try {
        beginScript();
        await Promise.all([script, loadStylesheet()]);
        start(answer.options, answer.expires_in);
      } catch {
        showRetry("unavailable", page.noBundle);
      }
    }
  }

  /** Begin, because the visitor has asked for it. */
  function runOnClick({ target }) {
    target.remove();
    showLoading();
    document.querySelector("main").focus();
    // However often this document is loaded anew, nobody has to click twice.
    query.set("start", "1");
    window.history.replaceState(window.history.state, "", `?${query}`);
    run();
  }

  /** Tell by which name the visitor wants to take part, and go on, whatever came of it. */
  async function sendName(event) {
    event.preventDefault();
    showLoading();
    await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => {});
    run();
  }

  function showLoading() {
    state.querySelector("p").textContent = page.loading;
    state.querySelector("a").hidden = true;
    reveal(state);
  }

  /** Come back to where the host page is now, which it may have changed without a reload. */
  function updateNext({ target }) {
    const address = new URL(target.href);
    if (target.target === "_top" && address.searchParams.has("next")) {
      address.searchParams.set("next", hostPage());
      target.href = address;
    }
  }

  function reloadHostPage(event) {
    event.preventDefault();
    window.top.location.reload();
  }

  const action = state.querySelector("a");
  if (!page.session) {
    action.addEventListener("click", reloadHostPage);
    state.dataset.state = "shown";
    return;
  }
  action.addEventListener("click", updateNext);
  form?.addEventListener("submit", sendName);
  listenIn();
  watch();
  const starter = state.querySelector("button");
  if (starter && !room && !query.has("start")) {
    starter.addEventListener("click", runOnClick);
    state.dataset.state = "shown";
  } else {
    starter?.remove();
    showLoading();
    run();
  }
})();
