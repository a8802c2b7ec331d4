// Replaces the content when the server says that something changed; without it the pages work all the same.
(() => {
  const about = document.body.dataset.live;
  const status = document.getElementById("live");
  if (!about || !window.EventSource) return;
  let paused = false;
  let waiting = false;
  const button = document.createElement("button");
  const say = (text) => { status.firstChild ? (status.firstChild.data = text) : status.prepend(text); };
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Pause updates";
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume updates" : "Pause updates";
    if (!paused) refresh();
  });
  status.after(button);
  const busy = () => {
    const main = document.getElementById("main");
    const filled = [...main.querySelectorAll("input:not([type=hidden])")].some((input) => input.value);
    return filled || main.querySelector("form :focus") !== null;
  };
  const refresh = async () => {
    waiting = false;
    if (busy()) { say("Something changed; reload to see it. "); return; }
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = [...document.querySelectorAll("details")].map((each) => each.open);
    document.getElementById("main").replaceChildren(...page.getElementById("main").childNodes);
    document.querySelectorAll("details").forEach((each, i) => { if (i in open) each.open = open[i]; });
    say(`Updated ${new Date().toISOString().slice(11, 19)} UTC. `);
  };
  const source = new EventSource("/api/v1/events");
  source.addEventListener("open", () => say("Live. "));
  source.addEventListener("error", () => say("Connection lost; trying again. "));
  source.addEventListener("incident", (event) => {
    const concerns = about === "all" || event.data === about || event.data === "waiting";
    if (!concerns || paused || waiting) return;
    waiting = true;
    setTimeout(refresh, 300);
  });
})();
