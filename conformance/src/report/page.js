"use strict";
(() => {
const began = performance.now();
const report = JSON.parse(document.getElementById("data").textContent);
const OUTCOMES = ["failed", "deviating", "passed", "not applicable"];
const at = (id) => document.getElementById(id);
const shown = { provider: null, outcome: null, text: "" };

/** An element. Whatever is text stays text: nothing here ever reads markup. */
function make(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-")) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

const className = (outcome) => outcome.replace(" ", "-");
const providerOf = (item) => item.id.split("/", 1)[0];
const thousands = (number) => number.toLocaleString("en");

// ── What came of it, in figures ─────────────────────────────────────────────────────────────────────────

function count(cases) {
  const counts = { cases: cases.length, levels: {} };
  for (const outcome of OUTCOMES) counts[outcome] = 0;
  for (const level of report.levels) counts.levels[level] = { passed: 0, checked: 0 };
  for (const item of cases) {
    counts[item.outcome] += 1;
    for (const [level, passed] of Object.entries(item.levels)) {
      counts.levels[level].checked += 1;
      if (passed) counts.levels[level].passed += 1;
    }
  }
  return counts;
}

function showSummary(total) {
  const made = new Date(report.at).toLocaleString("en", { dateStyle: "long", timeStyle: "short" });
  at("made").textContent = `version ${report.version}, ${made}`;
  const share = make("div", { className: "share" });
  for (const outcome of ["passed", "deviating", "not applicable", "failed"]) {
    if (!total[outcome]) continue;
    const part = make("i", { className: `fill ${className(outcome)}`, title: `${total[outcome]} ${outcome}` });
    part.style.flexGrow = total[outcome];
    share.append(part);
  }
  const figures = make("div", { className: "figures" });
  for (const name of ["cases", "passed", "failed", "deviating", "not applicable"]) {
    const ink = total[name] ? className(name) : "none";
    figures.append(make("div", {}, make("b", { className: `ink ${ink}` }, thousands(total[name])), make("span", {}, name)));
  }
  at("summary").append(share, figures);
  if (report.stale.length) {
    at("stale").hidden = false;
    for (const entry of report.stale) at("stale").append(make("div", {}, `deviations.toml: ${entry}; take it out`));
  }
}

const providerRows = new Map();

function showMatrix() {
  const byProvider = new Map();
  for (const item of report.cases) {
    const name = providerOf(item);
    if (!byProvider.has(name)) byProvider.set(name, []);
    byProvider.get(name).push(item);
  }
  const heads = ["provider", ...report.levels, "cases", "passed", "failed", "deviating", "not applicable"];
  const body = make("tbody");
  for (const [name, cases] of [...byProvider].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const counts = count(cases);
    const choose = () => { shown.provider = shown.provider === name ? null : name; filter(); };
    const row = make("tr", {}, make("td", {}, make("button", { onclick: choose, title: "Shows this provider's cases only" }, name)));
    for (const level of report.levels) {
      const { passed, checked } = counts.levels[level];
      const kind = checked === 0 ? "none" : passed === checked ? "all" : "some";
      row.append(make("td", { className: "level" }, make("span", { className: kind }, checked ? `${passed} / ${checked}` : "–")));
    }
    for (const figure of heads.slice(1 + report.levels.length)) {
      const ink = counts[figure] === 0 ? "zero" : figure === "failed" || figure === "deviating" ? `ink ${figure}` : "";
      row.append(make("td", {}, make("span", { className: ink }, thousands(counts[figure]))));
    }
    providerRows.set(name, row);
    body.append(row);
  }
  at("matrix").append(make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))), body);
}

// ── The cases ───────────────────────────────────────────────────────────────────────────────────────────

let rows = [];

function showCases() {
  const rank = (item) => OUTCOMES.indexOf(item.outcome);
  // Failures first; else the order of the ids.
  const sorted = report.cases.map((item, index) => ({ item, index }))
    .sort((a, b) => (rank(a.item) === 0 ? 0 : 1) - (rank(b.item) === 0 ? 0 : 1) || a.index - b.index);
  rows = sorted.map(({ item }) => {
    const levels = make("span", { className: "levels" });
    for (const [level, passed] of Object.entries(item.levels)) {
      levels.append(make("span", { className: passed ? "" : "no" }, level));
    }
    const row = { item, text: `${item.id} ${item.outcome} ${item.note ?? ""}`.toLowerCase(), detail: null };
    row.button = make("button", { className: "case", "aria-expanded": "false", onclick: () => toggle(row) },
      make("span", { className: `dot fill ${className(item.outcome)}`, title: item.outcome }),
      make("span", { className: "id" }, item.id),
      make("span", { className: "note" }, visible(item.note ?? "")),
      levels);
    row.element = make("li", {}, row.button);
    return row;
  });
  at("cases").append(...rows.map((row) => row.element));
}

function filter() {
  const words = shown.text.toLowerCase().split(/\s+/).filter(Boolean);
  let visibleRows = 0;
  for (const row of rows) {
    const fits = (!shown.provider || providerOf(row.item) === shown.provider)
      && (!shown.outcome || row.item.outcome === shown.outcome)
      && words.every((word) => row.text.includes(word));
    row.element.hidden = !fits;
    if (fits) visibleRows += 1;
  }
  const where = shown.provider ? ` of ${shown.provider}` : "";
  at("count").textContent = `${thousands(visibleRows)} ${visibleRows === 1 ? "case" : "cases"}${where}`;
  for (const button of at("outcomes").children) {
    button.setAttribute("aria-pressed", String((button.value || null) === shown.outcome));
  }
  for (const [name, row] of providerRows) row.classList.toggle("chosen", name === shown.provider);
}

function showFilters(total) {
  for (const outcome of [null, ...OUTCOMES]) {
    const number = outcome ? total[outcome] : total.cases;
    const choose = () => { shown.outcome = outcome; filter(); };
    at("outcomes").append(make("button", { value: outcome ?? "", onclick: choose },
      `${outcome ?? "all"} `, make("small", {}, thousands(number))));
  }
  at("search").oninput = () => { shown.text = at("search").value; filter(); };
}

function toggle(row, open = !row.element.classList.contains("open")) {
  row.detail ??= row.element.appendChild(detailOf(row.item));
  row.detail.hidden = !open;
  row.element.classList.toggle("open", open);
  row.button.setAttribute("aria-expanded", String(open));
}

// ── Both sides of a case ────────────────────────────────────────────────────────────────────────────────

function detailOf(item) {
  const detail = make("div", { className: "detail" });
  if (!item.evidence) {
    const why = item.outcome === "passed" ? "Every byte and every token are the same." : "There is nothing to lay side by side.";
    detail.append(make("p", {}, why));
    return detail;
  }
  const { exchanges, stream, value, error, delays } = item.evidence;
  exchanges.forEach(({ request, response }, index) => {
    const number = exchanges.length > 1 ? ` ${index + 1}` : "";
    const { recorded, samewire } = request;
    detail.append(
      part(`request${number}: line and headers`, plain(head(recorded), head(samewire))),
      part(`request${number}: body`, ...bodyViews(recorded?.body, samewire?.body)));
    if (response) {
      const note = response.disconnect ? [`(the connection was closed: ${response.disconnect.toLowerCase()})`] : [];
      detail.append(
        part(`response${number}: line and headers`, plain(head(response).concat(note))),
        part(`response${number}: body`, ...bodyViews(response.body)));
    }
  });
  detail.append(
    part("tokens", plain(stream.recorded, stream.samewire)),
    part("value", ...bodyViews(value.recorded, value.samewire)),
    part("error", ...bodyViews(error.recorded, error.samewire)),
    part("waits between attempts", plain(delays.recorded.map((ms) => `${ms} ms`), delays.samewire.map((ms) => `${ms} ms`))));
  for (const empty of [...detail.children].filter((child) => child.isEmpty)) empty.remove();
  return detail;
}

const head = (message) => (message ? [message.line, ...message.headers] : []);

/** A view of lines: one side, or two to compare. */
function plain(recorded, samewire) {
  const lines = (side) => side?.map((text) => ({ text, depth: 0 }));
  return { name: "lines", recorded: lines(recorded), samewire: lines(samewire) };
}

/** The views that a body, or two of them, can be shown in; the best one first. */
function bodyViews(recorded, samewire) {
  const sides = samewire === undefined ? [recorded] : [recorded, samewire];
  const texts = sides.map((side) => (side ? side.text : ""));
  const views = [];
  const add = (name, made) => views.push({ name, recorded: made[0], samewire: sides.length > 1 ? made[1] : undefined });
  if (texts.every((text) => text !== undefined)) {
    const trees = texts.map((text) => (text === "" ? [] : tree(text)));
    if (trees.every(Boolean) && trees.some((lines) => lines.length)) add("tree", trees);
    add("text", texts.map((text) => (text === "" ? [] : text.split("\n").map((line) => ({ text: line, depth: 0 })))));
  }
  // Two sides share the width of one.
  add("hex", sides.map((side) => hex(side, sides.length > 1 ? 8 : 16)));
  return views;
}

/** A part of the comparison that can be folded; open where the sides differ. */
function part(title, ...views) {
  const two = views[0].samewire !== undefined;
  const key = (lines) => lines.map((line) => line.text).join("\n");
  const exact = views.at(-1);
  const differs = two && key(exact.recorded) !== key(exact.samewire);
  // Sides that differ in spelling only are shown where that can be seen.
  const best = differs && views.find((view) => key(view.recorded) !== key(view.samewire)) || views[0];
  const badge = !two ? make("span", { className: "badge given" }, "recorded answer")
    : make("span", { className: differs ? "badge differs" : "badge" }, differs ? "differs" : "same");
  const made = make("details", { open: differs }, make("summary", {}, make("b", {}, title), badge));
  made.isEmpty = exact.recorded.length === 0 && !(exact.samewire?.length);
  let content = null;
  const buttons = make("span", { className: "views" });
  const choose = (view) => {
    content?.remove();
    content = made.appendChild(compare(view.recorded, view.samewire));
    for (const button of buttons.children) button.setAttribute("aria-pressed", String(button.value === view.name));
  };
  if (views.length > 1) {
    for (const view of views) {
      buttons.append(make("button", { value: view.name, onclick: (event) => { event.preventDefault(); made.open = true; choose(view); } }, view.name));
    }
    made.firstChild.append(buttons);
  }
  if (differs) choose(best);
  else made.ontoggle = () => { if (!content) choose(best); };
  return made;
}

/** The lines of a JSON text, its spelling untouched; `null` if it is none. */
function tree(text) {
  try { JSON.parse(text); } catch { return null; }
  const lines = [];
  let depth = 0, line = "", lineDepth = 0;
  const end = () => { if (line.trim()) lines.push({ text: line, depth: lineDepth, opens: /[{[]$/.test(line) }); line = ""; lineDepth = depth; };
  for (const token of text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs) ?? []) {
    if (token === "}" || token === "]") {
      depth -= 1;
      if (/[{[]$/.test(line)) line += token;
      else { end(); lineDepth = depth; line = token; }
    } else if (token === ",") { line += token; end(); }
    else if (token === ":") line += ": ";
    else {
      if (line && /[{[]$/.test(line)) end();
      if (!line) lineDepth = depth;
      line += token;
      if (token === "{" || token === "[") depth += 1;
    }
  }
  end();
  return lines.map((each) => ({ ...each, text: "  ".repeat(each.depth) + each.text }));
}

/** Bytes as lines of an offset, numbers and letters. */
function hex(body, width) {
  if (!body) return [];
  const bytes = body.base64 === undefined
    ? new TextEncoder().encode(body.text)
    : Uint8Array.from(atob(body.base64), (character) => character.charCodeAt(0));
  const lines = [];
  for (let from = 0; from < bytes.length; from += width) {
    const line = { bytes: [...bytes.subarray(from, from + width)], width, offset: from.toString(16).padStart(6, "0"), depth: 0 };
    line.text = inHex(line).join("");
    lines.push(line);
  }
  return lines;
}

/** The line of bytes in pieces; those that `differs` picks are marked, as number and as letter. */
function inHex({ bytes, width, offset }, differs = () => false) {
  const paint = (text, index) => (differs(index) ? make("mark", {}, text) : text);
  const numbers = bytes.flatMap((byte, index) => [index ? " " : "", paint(byte.toString(16).padStart(2, "0"), index)]);
  const letters = bytes.map((byte, index) => paint(byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·", index));
  return [`${offset}  `, ...numbers, " ".repeat(3 * (width - bytes.length) + 2), ...letters];
}

/** Characters that nobody would see, made visible. */
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (c) => `‹U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/** Lines that stand beside each other: `[left, right]`, either of which may be missing. */
function align(left, right) {
  let start = 0;
  while (start < left.length && start < right.length && left[start].text === right[start].text) start += 1;
  let end = 0;
  while (end < left.length - start && end < right.length - start
    && left[left.length - 1 - end].text === right[right.length - 1 - end].text) end += 1;
  const pairs = [];
  for (let i = 0; i < start; i += 1) pairs.push([left[i], right[i]]);
  const a = left.slice(start, left.length - end), b = right.slice(start, right.length - end);
  let removed = [], added = [];
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i += 1) pairs.push([removed[i], added[i]]);
    removed = []; added = [];
  };
  if (a.length * b.length > 4e6) { removed = a; added = b; }
  else {
    // The longest common subsequence, from the back.
    const width = b.length + 1;
    const longest = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        longest[i * width + j] = a[i].text === b[j].text
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
      }
    }
    let i = 0, j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i].text === b[j].text) { flush(); pairs.push([a[i++], b[j++]]); }
      else if (j === b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) removed.push(a[i++]);
      else added.push(b[j++]);
    }
  }
  flush();
  for (let i = end; i > 0; i -= 1) pairs.push([left[left.length - i], right[right.length - i]]);
  return pairs;
}

const MOST_ROWS = 5000, CONTEXT = 3;

function compare(recorded, samewire) {
  const single = samewire === undefined;
  const pairs = single ? recorded.map((line) => [line, line]) : align(recorded, samewire);
  const isHex = pairs.some(([left, right]) => (left ?? right).bytes);
  const box = make("div", { className: `lines${single ? " single" : ""}${isHex ? " bytes" : ""}` });
  if (!single) {
    box.append(make("div", { className: "row heading" }, make("i"), make("span", {}, "recorded"), make("i"), make("span", {}, "samewire")));
  }
  const numbers = [0, 0];
  const made = pairs.slice(0, MOST_ROWS).map(([left, right]) => {
    const same = left && right && left.text === right.text;
    const line = left ?? right;
    const row = { depth: line.depth, same, folded: false, collapsed: false };
    const sides = single ? [left] : [left, right];
    row.element = make("div", { className: `row${same ? "" : " differs"}${line.opens ? " opens" : ""}` },
      ...sides.flatMap((side, index) => [
        make("i", {}, side ? String(numbers[index] += 1) : ""),
        side ? make("span", {}, ...marked(side, sides[1 - index], same)) : make("span", { className: "lacking" }),
      ]));
    if (line.opens) {
      row.element.onclick = () => {
        if (String(getSelection())) return;
        row.collapsed = !row.collapsed;
        row.element.classList.toggle("collapsed", row.collapsed);
        arrange(made);
      };
    }
    return row;
  });
  if (!single) foldSame(made);
  box.append(...made.map((row) => row.element));
  if (pairs.length > MOST_ROWS) box.append(make("div", { className: "fold" }, `${thousands(pairs.length - MOST_ROWS)} more lines`));
  arrange(made);
  return box;
}

/** The line's text, with what differs from the other side's marked. */
function marked(line, beside, same) {
  const { text } = line;
  if (same || !beside) return [visible(text)];
  if (line.bytes) return inHex(line, (index) => line.bytes[index] !== beside.bytes[index]);
  const other = beside.text;
  let start = 0;
  while (start < text.length && text[start] === other[start]) start += 1;
  let end = 0;
  while (end < text.length - start && end < other.length - start
    && text[text.length - 1 - end] === other[other.length - 1 - end]) end += 1;
  const middle = text.slice(start, text.length - end);
  return [visible(text.slice(0, start)), make("mark", {}, visible(middle)), visible(text.slice(text.length - end))];
}

/** Hides long runs of lines that are the same behind a button. */
function foldSame(rows) {
  if (rows.every((row) => row.same)) return;
  for (let from = 0; from < rows.length; from += 1) {
    if (!rows[from].same) continue;
    let to = from;
    while (to < rows.length && rows[to].same) to += 1;
    const first = from === 0 ? 0 : from + CONTEXT, last = to === rows.length ? to : to - CONTEXT;
    if (last - first > 2) {
      const hidden = rows.slice(first, last);
      hidden.forEach((row) => { row.folded = true; });
      const button = make("button", { className: "fold" }, `${thousands(hidden.length)} lines that are the same`);
      const fold = { depth: hidden[0].depth, same: true, folded: false, collapsed: false, element: button };
      button.onclick = () => {
        hidden.forEach((row) => { row.folded = false; });
        fold.folded = true;
        arrange(rows);
      };
      rows.splice(first, 0, fold);
      to += 1;
    }
    from = to;
  }
}

/** Shows each row unless it is folded away or stands inside a collapsed one. */
function arrange(rows) {
  let inside = Infinity;
  for (const row of rows) {
    const outside = row.depth <= inside;
    if (outside) inside = row.collapsed ? row.depth : Infinity;
    row.element.hidden = row.folded || !outside;
  }
}

// ── Keys and paper ──────────────────────────────────────────────────────────────────────────────────────

function move(step) {
  const visibleRows = rows.filter((row) => !row.element.hidden);
  const current = visibleRows.findIndex((row) => row.element.contains(document.activeElement));
  const next = visibleRows[current < 0 ? 0 : Math.min(Math.max(current + step, 0), visibleRows.length - 1)];
  next?.button.focus({ preventScroll: true });
  next?.element.scrollIntoView({ block: "nearest" });
}

const focused = () => rows.find((row) => row.element.contains(document.activeElement));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const searching = event.target === at("search");
  const inList = Boolean(focused());
  if (event.key === "Escape") {
    const row = focused();
    if (searching && shown.text) { at("search").value = shown.text = ""; filter(); }
    else if (searching) at("search").blur();
    else if (row?.element.classList.contains("open")) { toggle(row, false); row.button.focus(); }
    else { shown.provider = null; filter(); }
  } else if (searching) {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    move(0);
  } else if (event.key === "j" || (event.key === "ArrowDown" && inList)) move(1);
  else if (event.key === "k" || (event.key === "ArrowUp" && inList)) move(-1);
  else if (event.key === "ArrowRight" && inList) toggle(focused(), true);
  else if (event.key === "ArrowLeft" && inList) { const row = focused(); toggle(row, false); row.button.focus(); }
  else if (event.key === "/") at("search").focus();
  else if (event.key === "f") {
    const choices = [null, ...OUTCOMES];
    shown.outcome = choices[(choices.indexOf(shown.outcome) + 1) % choices.length];
    filter();
  } else return;
  event.preventDefault();
});

let openedForPaper = [];
addEventListener("beforeprint", () => {
  openedForPaper = rows.filter((row) => !row.element.hidden && row.item.outcome === "failed" && !row.element.classList.contains("open"));
  for (const row of openedForPaper) toggle(row, true);
});
addEventListener("afterprint", () => { for (const row of openedForPaper) toggle(row, false); });

const total = count(report.cases);
if (total.failed) shown.outcome = "failed";
showSummary(total);
showMatrix();
showCases();
showFilters(total);
filter();
requestAnimationFrame(() => setTimeout(() => {
  document.documentElement.dataset.rendered = String(Math.round(performance.now() - began));
}));
})();
