// The list of transcripts, a page at a time, and the form above it.

const PAGE = 25;
const SHORT = 1200;
const WORDS = {
  score: "score",
  adversary_reward: "adversary's reward",
  defender_reward: "defender's reward",
  likeness: "likeness",
  self_bleu: "SelfBLEU",
  embedding: "embedding",
};
const byId = (id) => document.getElementById(id);
const form = byId("filters");
const state = { rows: [], page: 0, query: "" };

const number = (value) => (value === null ? "–" : value.toFixed(3));
const word = (name) => WORDS[name] ?? name.replace(/^score_/, "score: ");

// A run without a diversity term has no likeness, and so on.
const used = data.numbers.filter((name) => columns[name].some((value) => value));
const severalRuns = new Set(data.arms.map((one) => one.run)).size > 1;

const message = (speaker, listed) => {
  const box = element("div", `message ${speaker}`);
  box.append(element("span", "speaker", speaker));
  const body = element("bdi", "words");
  body.dir = "auto";
  const long = listed.text.length > SHORT;
  appendText(body, long ? listed.text.slice(0, SHORT) : listed.text, state.query);
  if (!listed.text) body.append(element("span", "quiet", "(empty)"));
  box.append(body);
  if (long) {
    const more = element("button", "more", `Show all ${listed.length.toLocaleString("en")} characters`);
    more.type = "button";
    more.addEventListener("click", () => {
      body.replaceChildren();
      appendText(body, listed.text, state.query);
      more.remove();
      if (listed.cut) box.append(element("span", "quiet", "cut off here in this report"));
    });
    box.append(more);
  }
  return box;
};

const chips = (row) => {
  const line = element("p", "chips");
  const arm = data.arms[columns.arm[row]];
  const name = element("bdi", "chip arm");
  appendText(name, severalRuns ? `${arm.run} · ${arm.arm}` : arm.arm, "");
  const stage = textAt("stage", row).text;
  const turn = columns.turn[row] ? `, turn ${columns.turn[row] + 1}` : "";
  line.append(name, element("span", `chip ${stage}`, stage));
  line.append(element("span", "chip", `update ${columns.update[row]}, game ${columns.game[row]}${turn}`));
  if (columns.verdict[row] >= 0) {
    const verdict = textAt("verdict", row).text;
    line.append(element("span", `chip verdict ${verdict}`, `judge: ${verdict}`));
  }
  const called = columns.unsafe[row] ? "unsafe" : "safe";
  line.append(element("span", `chip called ${called}`, `reward model: ${called}`));
  if (columns.missed[row]) line.append(element("span", "chip part-ways", "missed by the reward model"));
  if (columns.false_alarm[row]) line.append(element("span", "chip part-ways", "false alarm"));
  if (!columns.valid[row]) line.append(element("span", "chip", "malformed prompt"));
  else if (!columns.intent[row]) line.append(element("span", "chip", "off its goal"));
  return line;
};

const numbers = (row) => {
  const list = element("dl", "numbers");
  for (const name of used) {
    const pair = element("div");
    pair.append(element("dt", "", word(name)), element("dd", "", number(columns[name][row])));
    list.append(pair);
  }
  return list;
};

const history = (row) => {
  const before = columns.history[row];
  if (!before) return [];
  const details = element("details", "before");
  details.append(element("summary", "", `The dialogue before (${before.length / 2} messages)`));
  for (let i = 0; i < before.length; i += 2) {
    const asked = wholeText(before[i]).text === "user";
    details.append(message(asked ? "adversary" : "defender", wholeText(before[i + 1])));
  }
  return [details];
};

const item = (row) => {
  const made = element("li", columns.missed[row] || columns.false_alarm[row] ? "apart" : "");
  const label = textAt("label", row).text;
  const seed = message(`seed prompt (${label})`, textAt("seed_prompt", row));
  seed.className = "message seed";
  made.append(chips(row), seed, ...history(row));
  made.append(message("adversary", textAt("prompt", row)), message("defender", textAt("response", row)));
  made.append(numbers(row));
  return made;
};

const show = (page) => {
  const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
  state.page = Math.min(Math.max(page, 0), pages - 1);
  const start = state.page * PAGE;
  byId("list").replaceChildren(...state.rows.slice(start, start + PAGE).map(item));
  byId("list").start = start + 1;
  byId("page").textContent = `page ${state.page + 1} of ${pages}`;
  for (const id of ["first", "previous", "previous-below"]) byId(id).disabled = state.page === 0;
  for (const id of ["last", "next", "next-below"]) byId(id).disabled = state.page >= pages - 1;
};

const wantedNow = () => {
  const fields = form.querySelectorAll("input, select");
  return Object.fromEntries([...fields].map((field) => [field.id, field.value]));
};

const apply = () => {
  const wanted = wantedNow();
  state.query = wanted.query.toLowerCase();
  state.rows = select(wanted);
  byId("found").textContent =
    `${state.rows.length.toLocaleString("en")} of ${count.toLocaleString("en")} exchanges`;
  show(0);
};

const offer = (id, pairs, any) => {
  const offered = any ? [[any, ""], ...pairs] : pairs;
  byId(id).append(...offered.map(([text, value]) => {
    const option = element("option", "", text);
    option.value = value;
    return option;
  }));
};

const begin = () => {
  const names = (key) => [...new Set(data.arms.map((arm) => arm[key]))].map((name) => [name, name]);
  offer("run", names("run"), "any");
  offer("arm", names("arm"), "any");
  for (const name of ["stage", "label", "verdict"]) offer(name, choices(name), "any");
  offer("part", used.map((name) => [word(name), name]));
  const judged = columns.verdict.some((index) => index >= 0);
  if (!judged) for (const id of ["verdict", "judges"]) byId(id).closest("label").hidden = true;
  byId("run").closest("label").hidden = !severalRuns;
  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 80);
  });
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  const turn = (id, page) => byId(id).addEventListener("click", () => {
    show(page());
    if (id.endsWith("-below")) byId("found").scrollIntoView();
  });
  turn("first", () => 0);
  turn("previous", () => state.page - 1);
  turn("next", () => state.page + 1);
  turn("last", () => Infinity);
  turn("previous-below", () => state.page - 1);
  turn("next-below", () => state.page + 1);
  apply();
};

if (form) begin();
