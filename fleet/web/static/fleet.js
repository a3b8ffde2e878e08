"use strict";
// Asks for the status every two seconds, and listens to the moves. All text goes in as text, never as markup.
const LOOK_MS = 2000, STALE_MS = 10000, EVENTS = 12;
const at = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (name) node.className = name;
  return node;
};
const number = (value) => value.toLocaleString("en");
let seen = 0;

function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} days`;
}

function health(status) {
  const node = at("health");
  node.className = status.healthy ? "good" : "bad";
  node.textContent = status.healthy
    ? (status.done === status.jobs ? "all done" : "working")
    : "blocked: " + status.problems.join("; ");
}

function eta(status) {
  if (!status.eta || status.done === status.jobs) return "";
  const guess = status.eta.known ? "" : " (a guess: no job has ended yet)";
  return `, about ${span(status.eta.expected_s)} left (${span(status.eta.low_s)} to ${span(status.eta.high_s)})${guess}`;
}

function kinds(status) {
  return Object.entries(status.kinds).map(([kind, states]) => {
    const parts = {
      verified: states.verified,
      running: states.submitting + states.running + states.finished,
      discarded: states.discarded + states.cancelled,
      pending: states.pending,
    };
    const all = Object.values(parts).reduce((sum, part) => sum + part, 0);
    const row = make("div", undefined, "kind"), bar = make("div", undefined, "bar");
    for (const [name, jobs] of Object.entries(parts)) {
      const part = make("i", undefined, name);
      part.style.width = `${(100 * jobs) / Math.max(1, all)}%`;
      part.title = `${name}: ${number(jobs)}`;
      bar.append(part);
    }
    bar.setAttribute("role", "img");
    bar.setAttribute("aria-label", Object.entries(parts).map(([name, jobs]) => `${name} ${jobs}`).join(", "));
    row.append(make("span", kind.replaceAll("_", " ")), bar, make("span", `${number(parts.verified + parts.discarded)} / ${number(all)}`));
    return row;
  });
}

function lanes(status) {
  return status.lanes.map((lane) => {
    const row = make("tr"), name = make("td", lane.lane);
    if (lane.paused) name.append(make("small", "paused: " + lane.paused.reason));
    if (status.replicas.length) name.append(lane.holder ? make("small", "held by " + lane.holder, "quiet") : make("small", "held by nobody"));
    const rate = lane.start_rate_per_s !== null && lane.start_rate_per_s < lane.start_quota_per_s
      ? `${lane.start_rate_per_s.toFixed(2)} of ${lane.start_quota_per_s}` : `${lane.start_quota_per_s}`;
    row.append(name, make("td", `${lane.in_flight} of ${lane.slots ?? lane.slots_quota}`), make("td", lane.foreign ?? "–"), make("td", rate), make("td", number(lane.states.pending)));
    return row;
  });
}

function replicas(status) {
  return status.replicas.map((replica) => {
    const row = make("tr");
    row.append(make("td", replica.name), make("td", number(replica.leases.length)), make("td", replica.version), make("td", `${span(replica.seen_s)} ago`));
    return row;
  });
}

function reasons(status) {
  if (!status.reasons.length) return [make("li", "nothing", "none")];
  return status.reasons.map((group) => make("li", `${number(group.jobs)} ${group.state}: ${group.reason}`));
}

function show(status) {
  seen = Date.now();
  health(status);
  at("done").textContent = number(status.done);
  at("jobs").textContent = number(status.jobs);
  at("eta").textContent = eta(status);
  at("kinds").replaceChildren(...kinds(status));
  at("lanes").replaceChildren(...lanes(status));
  at("replicas-section").hidden = !status.replicas.length;
  at("replicas").replaceChildren(...replicas(status));
  at("reasons").replaceChildren(...reasons(status));
  at("version").textContent = "version " + status.version;
}

async function look() {
  try {
    const answer = await fetch("api/v1/status", { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    show(await answer.json());
  } catch (error) {
    const age = seen ? `last heard of ${span((Date.now() - seen) / 1000)} ago` : "no answer yet";
    if (!seen || Date.now() - seen > STALE_MS) {
      at("health").className = "stale";
      at("health").textContent = `${age}: ${error.message}`;
    }
  }
  setTimeout(look, LOOK_MS);
}

function listen() {
  at("events").replaceChildren(make("li", "nothing has happened since this page was opened", "none"));
  const source = new EventSource("api/v1/events");
  source.addEventListener("move", (message) => {
    const move = JSON.parse(message.data), list = at("events"), line = make("li");
    line.append(make("time", new Date(move.at * 1000).toLocaleTimeString()), `${move.kind.replaceAll("_", " ")} ${move.event} ${move.prefix}`);
    if (list.firstChild && list.firstChild.className === "none") list.replaceChildren();
    list.prepend(line);
    while (list.children.length > EVENTS) list.lastChild.remove();
  });
}

look();
listen();
