/** The page of a room: what was said, live, and a form to say something. It has no parts from elsewhere. */
export function roomPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Room</title>
<style nonce="${nonce}">${style}</style>
<header>
  <h1></h1>
  <p id="status" role="status">connecting</p>
</header>
<ol id="lines" aria-live="polite"></ol>
<form id="say" hidden>
  <input name="text" aria-label="What you say" placeholder="Say something" maxlength="500" autocomplete="off" required>
  <button>Say</button>
</form>
<form id="login" hidden>
  <input name="user" aria-label="Your name" placeholder="Your name" maxlength="100" autocomplete="nickname" required>
  <button>Enter</button>
</form>
<script type="module" nonce="${nonce}">${script}</script>
</html>
`;
}

const style = `
  :root { color-scheme: light dark; --line: light-dark(#d8dce3, #3a404b); --soft: light-dark(#667085, #9aa4b2); --accent: #c6302b; }
  * { box-sizing: border-box; }
  body { display: grid; grid-template-rows: auto 1fr auto; height: 100dvh; max-width: 40rem; margin: 0 auto; font: 1rem/1.5 system-ui, sans-serif; }
  header, form { display: flex; gap: .75rem; align-items: center; padding: .75rem 1rem; }
  [hidden] { display: none; }
  header { justify-content: space-between; border-bottom: 1px solid var(--line); }
  h1 { margin: 0; font-size: 1.125rem; }
  #status { margin: 0; font-size: .875rem; color: var(--soft); }
  #status::before { content: ""; display: inline-block; width: .5rem; height: .5rem; margin-right: .5rem; border-radius: 50%; background: #d9a400; }
  #status.live::before { background: #1f9d55; }
  #lines { margin: 0; padding: 1rem; list-style: none; overflow-y: auto; }
  #lines li { overflow-wrap: anywhere; margin-bottom: .5rem; }
  #lines b { display: block; font-size: .8125rem; font-weight: 600; color: var(--soft); }
  #lines .gap { color: var(--soft); font-style: italic; }
  form { border-top: 1px solid var(--line); }
  input { flex: 1; min-width: 0; }
  input, button { font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem; }
  button { border-color: var(--accent); background: var(--accent); color: white; cursor: pointer; }
`;

const script = `
  const room = decodeURIComponent(location.pathname.split("/")[2] || "lobby");
  const path = "/rooms/" + encodeURIComponent(room);
  const [lines, status, say, login] = ["lines", "status", "say", "login"].map((id) => document.getElementById(id));
  let lastId = "";
  let saying = Promise.resolve();

  document.title = document.querySelector("h1").textContent = room;
  listen();

  function listen() {
    const source = new EventSource(path + "?lastEventId=" + lastId);
    source.onopen = () => show("live", say);
    source.onmessage = ({ data, lastEventId }) => {
      lastId = lastEventId;
      const { user, text } = JSON.parse(data);
      add("", user, text);
    };
    // What was said meanwhile is not kept any more.
    source.addEventListener("gap", () => add("gap", "", "Some lines are missing here"));
    source.onerror = () => {
      // The browser connects again by itself, unless the answer was no stream.
      if (source.readyState === EventSource.CLOSED) refused();
      else show("connecting", say);
    };
  }

  async function refused() {
    const { status } = await fetch("/me").catch(() => ({}));
    if (status === 401) return show("signed out", login);
    if (status === 200) return show("not your room, or not now");
    show("connecting", say);
    setTimeout(listen, 2_000);
  }

  login.onsubmit = async (event) => {
    event.preventDefault();
    const { ok } = await fetch("/login", { method: "POST", body: login.elements.user.value }).catch(() => ({}));
    if (ok) listen();
    else show("try again in a moment", login);
  };

  // One after the other, so that lines keep their order.
  say.onsubmit = (event) => {
    event.preventDefault();
    const body = JSON.stringify({ id: crypto.randomUUID(), text: say.elements.text.value });
    saying = saying.then(() => send(body));
    say.reset();
  };

  // A line whose answer was lost is sent again, under the same id.
  async function send(body) {
    const { status } = await fetch(path, { method: "POST", body }).catch(() => ({ status: 0 }));
    if (status === 204 || status === 400) return;
    if (status === 401 || status === 403) return refused();
    await new Promise((resolve) => setTimeout(resolve, status === 429 ? 5_000 : 1_000));
    return send(body);
  }

  function show(text, form) {
    status.textContent = text;
    status.className = text;
    for (const each of [say, login]) each.hidden = each !== form;
  }

  function add(kind, user, text) {
    const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    const line = document.createElement("li");
    const name = document.createElement("b");
    line.className = kind;
    name.textContent = user;
    line.append(name, text);
    lines.append(line);
    if (isAtEnd) line.scrollIntoView();
  }
`;
