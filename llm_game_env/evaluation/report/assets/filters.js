// Which exchanges are shown: the columns of the page's data, and what the form asks of them.

const data = JSON.parse(document.getElementById("exchanges").textContent);
const columns = data.columns;
const count = columns.arm.length;

const wholeText = (index) => {
  const listed = data.strings[index];
  return typeof listed === "string" ? { text: listed, length: listed.length, cut: false }
    : { text: listed[0], length: listed[1], cut: true };
};
const textAt = (name, row) => wholeText(columns[name][row]);

// Searched as it was written, whatever the case; made when it is first needed.
let lowerStrings = null;
const lower = (index) => {
  lowerStrings ??= data.strings.map((_, i) => wholeText(i).text.toLowerCase());
  return lowerStrings[index];
};

// The different texts of a column, in alphabetical order, as [shown, value] pairs.
const choices = (name) => {
  const used = new Set(columns[name]);
  used.delete(-1);
  return [...used].map((index) => [wholeText(index).text, String(index)]).sort();
};

const JUDGES = {
  disagree: (row) => columns.missed[row] || columns.false_alarm[row],
  missed: (row) => columns.missed[row],
  false_alarm: (row) => columns.false_alarm[row],
  agree: (row) => columns.verdict[row] >= 0 && !columns.missed[row] && !columns.false_alarm[row],
};

const atLeast = (column, text) => {
  const least = Number(text);
  return (row) => column[row] !== null && column[row] >= least;
};
const atMost = (column, text) => {
  const most = Number(text);
  return (row) => column[row] !== null && column[row] <= most;
};

// One test for every field of the form that asks for something.
const testsOf = (wanted) => {
  const tests = [];
  if (wanted.run) tests.push((row) => data.arms[columns.arm[row]].run === wanted.run);
  if (wanted.arm) tests.push((row) => data.arms[columns.arm[row]].arm === wanted.arm);
  for (const name of ["stage", "label", "verdict"]) {
    const index = Number(wanted[name]);
    if (wanted[name]) tests.push((row) => columns[name][row] === index);
  }
  if (wanted.judges) tests.push(JUDGES[wanted.judges]);
  if (wanted["update-least"]) tests.push(atLeast(columns.update, wanted["update-least"]));
  if (wanted["update-most"]) tests.push(atMost(columns.update, wanted["update-most"]));
  const part = columns[wanted.part];
  if (wanted["part-least"]) tests.push(atLeast(part, wanted["part-least"]));
  if (wanted["part-most"]) tests.push(atMost(part, wanted["part-most"]));
  if (wanted.query) {
    const query = wanted.query.toLowerCase();
    // Every text is searched once, however many exchanges have it.
    const hits = data.strings.map((_, index) => lower(index).includes(query));
    const searched = [columns.prompt, columns.response, columns.seed_prompt];
    tests.push((row) => searched.some((column) => hits[column[row]]));
  }
  return tests;
};

const select = (wanted) => {
  const tests = testsOf(wanted);
  const rows = [];
  for (let row = 0; row < count; row++) {
    if (tests.every((test) => test(row))) rows.push(row);
  }
  if (wanted.order) {
    const part = columns[wanted.part];
    const sign = wanted.order === "down" ? -1 : 1;
    rows.sort((a, b) => sign * (part[a] - part[b]) || a - b);
  }
  return rows;
};
