/*
 * Leads the widgets to the sandbox. Cisco's bundle stays as it is: this script, which runs before
 * it, turns every call to a Webex host into a call to the same path below {sandbox}/cloud/{host},
 * and stands in for the WebSocket through which Webex announces messages.
 */
(() => {
  "use strict";

  const sandbox = document.currentScript.dataset.sandbox;
  const hosts = /^(?:.+\.)?(?:wbx2\.com|ciscospark\.com|webex\.com|webexapis\.com)$/;

  // Returns where a call goes instead: an address in the sandbox, or null for anybody else's.
  function led(address) {
    let url;
    try {
      url = new URL(address, document.baseURI);
    } catch {
      return null; // Not an address: whoever is asked will complain.
    }
    if (!/^(?:https|wss):$/.test(url.protocol) || !hosts.test(url.hostname)) {
      return null;
    }
    return `${sandbox}/cloud/${url.hostname}${url.pathname}${url.search}`;
  }

  const { open } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    return open.call(this, method, led(address) ?? address, ...rest);
  };

  /*
   * A WebSocket to Webex, as far as the widgets can tell. Below it is one streaming request, a
   * line of JSON for each event. The token travels in that request's header, never in an address.
   */
  class Socket extends EventTarget {
    binaryType = "blob";
    bufferedAmount = 0;
    extensions = "";
    protocol = "";
    readyState = WebSocket.CONNECTING;
    onopen = null;
    onmessage = null;
    onerror = null;
    onclose = null;
    #stream = new AbortController();
    #count = 0;

    constructor(url) {
      super();
      this.url = String(url);
      setTimeout(() => {
        if (this.readyState === WebSocket.CONNECTING) {
          this.readyState = WebSocket.OPEN;
          this.#tell(new Event("open"));
        }
      });
    }

    send(data) {
      const frame = JSON.parse(data);
      if (frame.type === "authorization") {
        this.#listen(frame.data.token);
      } else if (frame.type === "ping") {
        setTimeout(() => this.#receive({ id: frame.id, type: "pong" }));
      }
      // What is left are acknowledgements, which need no answer.
    }

    close(code = 1005, reason = "") {
      this.#stream.abort();
      setTimeout(() => this.#end(code, reason));
    }

    async #listen(token) {
      let code = 1006;
      try {
        const address = new URL(led(this.url));
        for (let position; position !== null; ) {
          const response = await fetch(address, {
            headers: { Authorization: token },
            signal: this.#stream.signal,
            cache: "no-store",
          });
          if (response.status === 401) {
            code = 4401;
          }
          position = response.ok ? await this.#read(response.body.getReader()) : null;
          if (position !== null) {
            // Many widgets are open, and a browser has few connections: come back in a moment.
            address.searchParams.set("after", position);
            await new Promise((resolve) => setTimeout(resolve, 1000));
          }
        }
      } catch {
        // The sandbox is gone, or the widget has closed the socket.
      }
      if (!this.#stream.signal.aborted) {
        this.#end(code, "");
      }
    }

    // Takes in one stream; resolves to the position to go on from, or null when all is over.
    async #read(reader) {
      const decoder = new TextDecoder();
      let rest = "";
      let position = null;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          return position;
        }
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop();
        // Empty lines only keep the stream alive.
        for (const event of lines.filter(Boolean).map((line) => JSON.parse(line))) {
          if ("resume" in event) {
            position = event.resume;
          } else {
            this.#receive(event);
          }
        }
      }
    }

    // Webex numbers what it sends on one socket, pongs included.
    #receive(frame) {
      if (this.readyState === WebSocket.OPEN) {
        this.#count += 1;
        const data = JSON.stringify({ ...frame, sequenceNumber: this.#count });
        this.#tell(new MessageEvent("message", { data }));
      }
    }

    #end(code, reason) {
      if (this.readyState !== WebSocket.CLOSED) {
        this.readyState = WebSocket.CLOSED;
        this.#tell(new CloseEvent("close", { code, reason, wasClean: code !== 1006 }));
      }
    }

    #tell(event) {
      this[`on${event.type}`]?.(event);
      this.dispatchEvent(event);
    }
  }

  window.WebSocket = new Proxy(WebSocket, {
    construct(target, [url, ...rest], newTarget) {
      return led(url) ? new Socket(url) : Reflect.construct(target, [url, ...rest], newTarget);
    },
  });
})();
