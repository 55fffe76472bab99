// While something is in the player, pages take each other's place without the music stopping. Loaded only then;
// what it cannot do well it leaves to the browser, and the player goes on after the page has loaded.
const OURS = /^\/(en|fr)(\/|$)/;
const OF_ALL = /\/(htmx\.min|room|player)\.js$/; // scripts that every page has; others are of single pages
const PARTS = ["header.top", "main", "footer"];
let asked = 0;

const isPlaying = () => !document.getElementById("player").hidden;
const scriptsOf = (page) => [...page.querySelectorAll("head script[src]")].filter((one) => !OF_ALL.test(one.getAttribute("src")));

const isOurs = (url) => url.origin === location.origin && OURS.test(url.pathname);

function wanted(url) {
  const same = url.pathname === location.pathname && url.search === location.search;
  const language = url.pathname.slice(1, 3) === location.pathname.slice(1, 3); // in another, all is said anew
  return isOurs(url) && language && !(same && url.hash);
}

async function visit(url, { push = true, y = 0 } = {}) {
  const turn = ++asked;
  let page, end;
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" } });
    end = new URL(answer.url);
    if (!answer.headers.get("content-type")?.startsWith("text/html") || !isOurs(end)) throw new Error("elsewhere");
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const known = scriptsOf(document).map((one) => one.getAttribute("src"));
    // A script that has run does not run again: what needs it is loaded as a whole.
    if (scriptsOf(page).some((one) => known.includes(one.getAttribute("src")))) throw new Error("scripts");
    if (PARTS.some((name) => !page.querySelector(name))) throw new Error("another kind of page");
  } catch {
    if (turn === asked) location.assign(url);
    return;
  }
  if (turn !== asked) return;
  if (push) {
    history.replaceState({ ...history.state, room: true, y: scrollY }, "");
    history.pushState({ room: true, y: 0 }, "", end.pathname + end.search + url.hash);
  }
  swap(page);
  const goal = url.hash && document.getElementById(decodeURIComponent(url.hash.slice(1)));
  if (goal) goal.scrollIntoView();
  else scrollTo(0, y);
}

function swap(page) {
  document.title = page.title;
  document.documentElement.lang = page.documentElement.lang;
  for (const link of page.querySelectorAll('head link[rel="stylesheet"]')) {
    const known = [...document.querySelectorAll('head link[rel="stylesheet"]')];
    if (!known.some((one) => one.getAttribute("href") === link.getAttribute("href"))) document.head.append(document.importNode(link));
  }
  for (const name of PARTS) document.querySelector(name).replaceWith(document.importNode(page.querySelector(name), true));
  for (const old of scriptsOf(page)) {
    const made = document.createElement("script");
    for (const { name, value } of old.attributes) made.setAttribute(name, value);
    document.head.append(made);
  }
  for (const name of PARTS) window.htmx?.process(document.querySelector(name));
  // As after loading a page, a screen reader begins at its title and what is in it.
  document.getElementById("content").focus({ preventScroll: true });
  document.getElementById("player-says").textContent = page.title;
  document.dispatchEvent(new CustomEvent("room:page"));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || !isPlaying() || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || link.closest("svg") || [...link.attributes].some(({ name }) => name.startsWith("hx-"))) return;
  const url = new URL(link.href);
  if (!wanted(url)) return;
  event.preventDefault();
  visit(url);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!isPlaying() || event.defaultPrevented || form.method !== "get" || [...form.attributes].some(({ name }) => name.startsWith("hx-"))) return;
  const url = new URL(form.action);
  url.search = new URLSearchParams(new FormData(form, event.submitter)).toString();
  if (!wanted(url)) return;
  event.preventDefault();
  visit(url);
});

// htmx puts back the whole of a page, with the player in it: while that plays, going back is ours.
document.addEventListener("htmx:before:history:restore", (event) => { if (isPlaying()) event.preventDefault(); });

addEventListener("popstate", ({ state }) => {
  const ours = state?.room && !(state.htmx && !isPlaying());
  if (ours || (state?.htmx && isPlaying())) visit(new URL(location.href), { push: false, y: state.y || 0 });
});
