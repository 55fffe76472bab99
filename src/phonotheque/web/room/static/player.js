// Plays recordings in a bar at the bottom, one after the other. Without it each page has a plain player.
const KEPT = "phonotheque.player"; // in sessionStorage: the queue of this tab, and how far it was heard
const STREAM = /^\/stream\/[0-9a-f]{64}$/;
const MOST = 1000; // tracks in a queue
const STEP = 10; // seconds

const bar = document.getElementById("player");
const says = document.getElementById("player-says");
const part = (name, home = bar) => home.querySelector(`[data-${name}]`);
const audio = part("audio");
const state = { tracks: [], at: 0, second: 0, volume: 1, playing: false };
let resuming = false; // after a reload, until the browser lets it play or does not
let silent = false; // what the bar itself does is announced; what a reload restores is not

const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((number, place) => (place ? String(number).padStart(2, "0") : number)).join(":");
};
const say = (key, values = {}) =>
  (bar.dataset[`say${key[0].toUpperCase()}${key.slice(1)}`] || "").replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
const announce = (key, values) => { if (!silent) says.textContent = say(key, values); };
const current = () => state.tracks[state.at];

function track(text) {
  let value;
  try { value = JSON.parse(text); } catch { return null; }
  return checked(value);
}

// What is kept in the browser may be anything: only what leads to this site is taken.
function checked(value) {
  if (!value || !Array.isArray(value.sources)) return null;
  const sources = value.sources.filter((one) => one && STREAM.test(one.src)).slice(0, 8)
    .map((one) => ({ src: one.src, type: String(one.type) }));
  if (!sources.length || !/^\/[a-z]/.test(value.page)) return null;
  return {
    sources,
    page: String(value.page),
    title: String(value.title),
    artist: String(value.artist),
    seconds: Number(value.seconds) || 0,
    licence: String(value.licence || ""),
    address: /^https?:\/\//.test(value.address) ? value.address : "",
    cover: /^\/cover\/[0-9a-f]{64}$/.test(value.cover) ? value.cover : "",
  };
}

function keep() {
  try { sessionStorage.setItem(KEPT, JSON.stringify(state)); } catch { /* a full or forbidden store forgets */ }
}

function restore() {
  let kept;
  try { kept = JSON.parse(sessionStorage.getItem(KEPT)); } catch { return; }
  if (!kept || !Array.isArray(kept.tracks)) return;
  state.tracks = kept.tracks.slice(0, MOST).map(checked).filter(Boolean);
  state.at = Math.min(Math.max(0, kept.at | 0), Math.max(0, state.tracks.length - 1));
  state.volume = Math.min(1, Math.max(0, Number(kept.volume ?? 1)));
  audio.volume = state.volume;
  if (!state.tracks.length) return;
  silent = true;
  resuming = Boolean(kept.playing);
  load(Number(kept.second) || 0);
  const settled = () => { resuming = false; show(); };
  if (resuming) audio.play().then(settled, settled); // browsers may want a gesture first
}

function load(second = 0) {
  const one = current();
  const source = one.sources.find((found) => audio.canPlayType(found.type)) || one.sources[0];
  audio.src = source.src;
  if (second) audio.addEventListener("loadedmetadata", () => { audio.currentTime = second; }, { once: true });
  state.second = second;
  show();
  tell(one);
}

function play(at = state.at) {
  if (!state.tracks.length) return;
  silent = false;
  if (at !== state.at || !audio.src || audio.error) {
    state.at = at;
    load();
  }
  audio.play().then(() => announce("playing", current())).catch((error) => {
    if (error.name === "NotAllowedError") show();
  });
}

const toggle = () => (audio.paused ? play() : audio.pause());

function move(by) {
  if (by < 0 && audio.currentTime > 3) { audio.currentTime = 0; return; }
  const next = state.at + by;
  if (next >= 0 && next < state.tracks.length) play(next);
}

function seek(second) {
  const end = Number.isFinite(audio.duration) ? audio.duration : current()?.seconds || 0;
  audio.currentTime = Math.min(Math.max(0, second), end);
}

function add(tracks, now) {
  const some = tracks.filter(Boolean).slice(0, MOST - state.tracks.length);
  if (!some.length) return;
  silent = false;
  const first = state.tracks.length;
  state.tracks.push(...some);
  if (now) play(first);
  else {
    announce("added", some[0]);
    if (!first) load();
  }
  show();
}

function place(from, to) {
  if (to < 0 || to >= state.tracks.length) return;
  const playing = current();
  const [moved] = state.tracks.splice(from, 1);
  state.tracks.splice(to, 0, moved);
  state.at = state.tracks.indexOf(playing);
  show();
  announce("moved", { ...moved, place: to + 1, count: state.tracks.length });
}

function remove(at) {
  const [gone] = state.tracks.splice(at, 1);
  if (!state.tracks.length) { close(); return; }
  if (at < state.at) state.at -= 1;
  else if (at === state.at) {
    const wasPlaying = !audio.paused;
    state.at = Math.min(state.at, state.tracks.length - 1);
    load();
    if (wasPlaying) play();
  }
  show();
  announce("removed", gone);
}

function close() {
  audio.pause();
  audio.removeAttribute("src");
  audio.load();
  Object.assign(state, { tracks: [], at: 0, second: 0, playing: false });
  const inside = bar.contains(document.activeElement);
  show();
  if (inside) document.getElementById("content")?.focus();
}

// What is shown: the bar, and the queue in it.
function show() {
  const one = current();
  bar.hidden = !one;
  document.documentElement.classList.toggle("has-player", Boolean(one));
  state.playing = resuming || !audio.paused;
  keep();
  if (!one) return;
  navigating();
  bar.classList.toggle("is-playing", state.playing);
  part("toggle").setAttribute("aria-label", say(state.playing ? "pause" : "play"));
  const title = part("title");
  title.textContent = one.title;
  title.href = one.page;
  part("artist").textContent = one.artist;
  const [licence, terms] = [part("licence"), part("terms")];
  licence.hidden = !one.address;
  terms.hidden = Boolean(one.address) || !one.licence;
  licence.textContent = terms.textContent = one.licence;
  if (one.address) licence.href = one.address;
  const cover = part("cover");
  cover.hidden = !one.cover;
  if (one.cover) cover.src = `${one.cover}?size=150`;
  part("previous").disabled = false;
  part("next").disabled = state.at + 1 >= state.tracks.length;
  part("count").textContent = state.tracks.length;
  list();
  passing();
}

function passing() {
  const end = Number.isFinite(audio.duration) ? audio.duration : current()?.seconds || 0;
  const at = audio.currentTime || state.second;
  const bounds = part("seek");
  bounds.max = Math.floor(end);
  if (document.activeElement !== bounds || audio.seeking === false) bounds.value = Math.floor(at);
  bounds.setAttribute("aria-valuetext", say("position", { at: clock(at), length: clock(end) }));
  part("time").textContent = `${clock(at)} / ${clock(end)}`;
}

function list() {
  const home = part("list");
  const had = document.activeElement?.closest?.("[data-list] button");
  const back = had && [had.dataset.does, Number(had.closest("li").dataset.place)];
  home.replaceChildren(...state.tracks.map(row));
  if (back && document.activeElement === document.body) {
    const same = home.children[Math.min(back[1], state.tracks.length - 1)];
    (same?.querySelector(`[data-does="${back[0]}"]`) || part("open")).focus();
  }
}

function row(one, at) {
  const item = document.createElement("li");
  item.dataset.place = at;
  if (at === state.at) item.setAttribute("aria-current", "true");
  const button = (does, text, label) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "plain";
    made.dataset.does = does;
    made.textContent = text;
    if (label) made.setAttribute("aria-label", say(label, one));
    item.append(made);
    return made;
  };
  button("play", `${one.title} · ${one.artist}`);
  button("earlier", "↑", "earlier").disabled = at === 0;
  button("later", "↓", "later").disabled = at === state.tracks.length - 1;
  button("remove", "×", "remove");
  return item;
}

function follow(at, does) {
  const found = part("list").children[at]?.querySelector(`[data-does="${does}"]`);
  (found && !found.disabled ? found : part("list").children[at]?.firstElementChild)?.focus();
}

function act(does, at) {
  const to = { earlier: at - 1, later: at + 1 }[does];
  if (does === "play") play(at);
  else if (does === "remove") { remove(at); follow(Math.min(at, state.tracks.length - 1), does); }
  else if (to >= 0 && to < state.tracks.length) { place(at, to); follow(to, does); }
}

// Media keys, headsets and lock screens.
function tell(one) {
  if (!("mediaSession" in navigator)) return;
  const artwork = one.cover ? [150, 300].map((size) => ({ src: `${one.cover}?size=${size}`, sizes: `${size}x${size}`, type: "image/jpeg" })) : [];
  navigator.mediaSession.metadata = new MediaMetadata({ title: one.title, artist: one.artist, artwork });
  const does = {
    play: () => play(), pause: () => audio.pause(), stop: close,
    previoustrack: () => move(-1), nexttrack: () => move(1),
    seekbackward: (how) => seek(audio.currentTime - (how.seekOffset || STEP)),
    seekforward: (how) => seek(audio.currentTime + (how.seekOffset || STEP)),
    seekto: (how) => seek(how.seekTime),
  };
  for (const [name, action] of Object.entries(does)) {
    try { navigator.mediaSession.setActionHandler(name, action); } catch { /* unknown to this browser */ }
  }
}

async function failed() {
  const one = current();
  if (!one || !audio.getAttribute("src")) return;
  let status = 0;
  try { status = (await fetch(audio.currentSrc || audio.src, { method: "HEAD" })).status; } catch { /* no network */ }
  if (one !== current()) return;
  if (status === 200) status = await enough();
  const why = { 410: "withdrawn", 451: "barred", 429: "enough" }[status] || "failed";
  silent = false;
  announce(why, one);
  show();
  if (why !== "enough" && status && state.at + 1 < state.tracks.length) play(state.at + 1);
}

// A HEAD is never too much; the bytes themselves may be.
async function enough() {
  try { return (await fetch(audio.currentSrc || audio.src, { headers: { Range: "bytes=0-0" } })).status; } catch { return 0; }
}

// Pages: what on them can be played.
function bind(home = document) {
  for (const one of home.querySelectorAll("[data-plain]")) one.hidden = true;
  for (const one of home.querySelectorAll("[data-buttons], [data-play-all], .plays")) one.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (!button || bar.contains(button)) return;
  if (button.closest("[data-play-all]")) {
    const of = button.closest("[data-tracks]") || document.getElementById("content");
    add([...of.querySelectorAll("[data-track]")].map((one) => track(one.dataset.track)), true);
    return;
  }
  const of = button.closest("[data-track]");
  if (of && "play" in button.dataset) add([track(of.dataset.track)], true);
  else if (of && "add" in button.dataset) add([track(of.dataset.track)], false);
});

bar.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const item = button.closest("[data-list] li");
  if (item) act(button.dataset.does, Number(item.dataset.place));
  else if ("toggle" in button.dataset) toggle();
  else if ("previous" in button.dataset) move(-1);
  else if ("next" in button.dataset) move(1);
  else if ("open" in button.dataset) open();
  else if ("close" in button.dataset || "clear" in button.dataset) close();
});

function open() {
  const queue = document.getElementById("queue");
  queue.hidden = !queue.hidden;
  part("open").setAttribute("aria-expanded", String(!queue.hidden));
}

const KEYS = { k: toggle, j: () => seek(audio.currentTime - STEP), l: () => seek(audio.currentTime + STEP),
  p: () => move(-1), n: () => move(1), m: () => { audio.muted = !audio.muted; }, q: open };

bar.addEventListener("keydown", (event) => {
  const item = event.target.closest("[data-list] li");
  if (item && event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key)) {
    event.preventDefault();
    const [at, by] = [Number(item.dataset.place), event.key === "ArrowUp" ? -1 : 1];
    if (at + by >= 0 && at + by < state.tracks.length) { place(at, at + by); follow(at + by, "play"); }
  } else if (!event.altKey && !event.ctrlKey && !event.metaKey && KEYS[event.key.toLowerCase()]) {
    event.preventDefault();
    KEYS[event.key.toLowerCase()]();
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=range]), textarea, select, [contenteditable]");
  if (event.altKey && event.shiftKey && event.code === "KeyP" && !typing && !bar.hidden) {
    event.preventDefault();
    part("toggle").focus();
  }
});

part("seek").addEventListener("input", (event) => seek(Number(event.target.value)));
part("volume").addEventListener("input", (event) => {
  state.volume = audio.volume = event.target.value / 100;
  keep();
});
for (const name of ["play", "pause"]) audio.addEventListener(name, show);
audio.addEventListener("timeupdate", () => { state.second = audio.currentTime; passing(); });
audio.addEventListener("durationchange", passing);
audio.addEventListener("error", failed);
audio.addEventListener("ended", () => {
  if (state.at + 1 < state.tracks.length) play(state.at + 1);
  else { announce("ended"); state.second = 0; show(); }
});
addEventListener("pagehide", keep);
document.addEventListener("room:page", () => bind());

let navigation = null;
function navigating() {
  navigation ??= import(bar.dataset.navigate).catch(() => { navigation = null; }); // then pages load as ever
}

bind();
restore();
part("volume").value = Math.round(state.volume * 100);
