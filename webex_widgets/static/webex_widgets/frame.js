/*
 * Runs in the frame: asks the session endpoint what to show, and shows Cisco's widget or the state
 * that stands in its way. The bundle is downloading all the while (see the frame's preload link).
 */
(() => {
  "use strict";

  // Browsers keep a timer's delay in 32 bits; one that is longer fires at once.
  const LONGEST_DELAY = 2 ** 31 - 1;
  const BUNDLE_TIMEOUT = 60_000;
  const SESSION_TIMEOUT = 30_000;
  const RENEW_BEFORE = 60_000;

  const page = document.body.dataset;
  const state = document.getElementById("webex-state");
  const message = state.querySelector("p");
  const action = state.querySelector("a");

  /** The page around the frame, which every button leads back to. */
  function hostPage() {
    const { pathname, search, hash } = window.top.location;
    return pathname + search + hash;
  }

  /** Show one sentence and, where there is a next step, one button. */
  function show(text, next) {
    message.textContent = text;
    action.hidden = !next;
    if (next) {
      action.textContent = next.label;
      action.href = next.url;
      action.target = next.target;
    }
    state.dataset.state = "shown";
    state.hidden = false;
    document.getElementById("webex-widget").hidden = true;
  }

  function showRetry(text) {
    show(text, { label: page.retry, url: window.location.href, target: "_self" });
  }

  /** Resolve with the session's answer; reject where there is none that can be read. */
  async function askSession() {
    const response = await fetch(`${page.session}&next=${encodeURIComponent(hostPage())}`, {
      cache: "no-store",
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(SESSION_TIMEOUT),
    });
    const answer = await response.json();
    if (!answer.status) {
      throw new TypeError("not a session's answer");
    }
    return answer;
  }

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

  /** Resolve when the bundle can be used; reject when it cannot be had. */
  async function loadBundle() {
    const script = document.createElement("script");
    script.src = page.script;
    const stylesheet = document.createElement("link");
    stylesheet.rel = "stylesheet";
    stylesheet.href = page.stylesheet;
    await Promise.all([
      load(script, page.scriptIntegrity),
      load(stylesheet, page.stylesheetIntegrity),
    ]);
    if (!window.webex?.widget) {
      throw new TypeError("what was loaded is not Cisco's bundle");
    }
  }

  function start(options, expiresIn) {
    const widget = document.getElementById("webex-widget");
    state.hidden = true;
    widget.hidden = false;
    window.webex.widget(widget).spaceWidget(options);
    if (expiresIn !== null) {
      // The widget reads its options once, so a new token needs a new document.
      const delay = Math.max(expiresIn * 1000 - RENEW_BEFORE, RENEW_BEFORE);
      setTimeout(() => window.location.reload(), Math.min(delay, LONGEST_DELAY));
    }
  }

  async function run() {
    let answer;
    try {
      answer = await askSession();
    } catch {
      showRetry(page.unavailable);
      return;
    }
    if (answer.status !== "ready") {
      show(answer.message, answer.action);
      return;
    }
    try {
      await loadBundle();
      start(answer.options, answer.expires_in);
    } catch {
      showRetry(page.noBundle);
    }
  }

  if (page.session) {
    run();
  } else {
    action.target = "_top";
    action.addEventListener("click", (event) => {
      event.preventDefault();
      window.top.location.reload();
    });
    state.dataset.state = "shown";
  }
})();
