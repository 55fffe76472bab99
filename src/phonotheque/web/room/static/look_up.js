// Looking a recording up in sorted Parquet files, by a few requests for parts of them.
import { asyncBufferFromUrl, cachedAsyncBuffer, parquetMetadataAsync, parquetQuery } from "./vendor/hyparquet/index.js";

const MOST = 50;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ISRC = /^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$/;
const home = new URL("../../", location.href);
const opened = new Map();
const said = document.getElementById("said");
const list = document.getElementById("found");
const field = document.getElementById("find");

function table(name) {
  if (!opened.has(name)) {
    opened.set(name, (async () => {
      const url = new URL(`look-up/${name}.parquet`, home).href;
      const file = cachedAsyncBuffer(await asyncBufferFromUrl({ url }));
      return { file, metadata: await parquetMetadataAsync(file) };
    })());
  }
  return opened.get(name);
}

async function rows(name, filter) {
  return parquetQuery({ ...await table(name), filter, rowEnd: MOST + 1 });
}

// As titles are sorted (phonotheque.model.text.fold), but for rare letters.
function folded(text) {
  return text.normalize("NFKC").toLowerCase().normalize("NFD").replace(/\p{M}/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ").trim().normalize("NFC");
}

async function named(text) {
  const id = text.toLowerCase();
  if (ID.test(id)) return [id];
  const code = text.toUpperCase().replace(/[\s-]/g, "");
  if (ISRC.test(code)) return (await rows("isrcs", { isrc: { $eq: code } })).map((row) => row.recording);
  return null;
}

// Without what would steer how it is shown (phonotheque.web.words.shown).
function shown(text) {
  return text.replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function line(row) {
  const item = document.createElement("li");
  const title = shown(row.title || list.dataset.title);
  if (!row.path) {
    item.append(element("a", title, { class: "name", href: `?q=${row.recording}` }));
  } else {
    item.append(element("span", title, { class: "name" }));
  }
  item.append(element("span", shown([row.artist || list.dataset.artist, row.year].filter(Boolean).join(" · ")), { class: "side" }));
  if (row.path) {
    const place = new URL(`bags/${row.bag}/${row.path.split("/").map(encodeURIComponent).join("/")}`, home).href;
    item.append(element("audio", "", { controls: "", preload: "none", src: place, "aria-label": title }));
    item.append(element("a", list.dataset.file, { href: place }));
    item.append(element("a", list.dataset.bag, { href: new URL(`${document.documentElement.lang}/bag/${row.bag}/index.html`, home).href }));
  }
  return item;
}

async function lookUp(text) {
  list.replaceChildren();
  if (!text) return;
  said.textContent = said.dataset.looking;
  try {
    const ids = await named(text);
    let found;
    if (ids) {
      found = (await Promise.all(ids.slice(0, MOST).map((id) => rows("recordings", { recording: { $eq: id } })))).flat();
    } else {
      const first = folded(text);
      found = first ? await rows("titles", { $and: [{ searched: { $gte: first } }, { searched: { $lt: `${first}\uffff` } }] }) : [];
    }
    list.replaceChildren(...found.slice(0, MOST).map(line));
    said.textContent = found.length > MOST ? said.dataset.more : found.length ? "" : said.dataset.nothing;
  } catch (error) {
    console.error(error);
    said.textContent = said.dataset.failed;
  }
}

const asked = new URLSearchParams(location.search).get("q") || "";
field.value = asked;
lookUp(asked.trim());
