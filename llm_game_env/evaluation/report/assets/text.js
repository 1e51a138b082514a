// What a model wrote, as text: nothing here, or anywhere else, makes markup of it.

// Control, format, surrogate and private-use characters, separators of lines, and what shows
// nothing: a reader would not see them, or would see other characters in another order.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u3164\uFE00-\uFE0D\uFFA0\u{E0000}-\u{E0FFF}]/gu;

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

// Appends a text to an element: hidden characters by name, hits of the search marked.
const appendText = (parent, text, query) => {
  let end = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found[0] === "\n" || found[0] === "\t") continue;
    appendMarked(parent, text.slice(end, found.index), query);
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    const shown = element("span", "hidden-character", `U+${code}`);
    shown.title = "a character that shows nothing by itself";
    parent.append(shown);
    end = found.index + found[0].length;
  }
  appendMarked(parent, text.slice(end), query);
};

const appendMarked = (parent, text, query) => {
  if (!text) return;
  const lower = query && text.toLowerCase();
  // Lower case can be longer than the text ("İ"): then places do not fit, and nothing is marked.
  if (!query || lower.length !== text.length) {
    parent.append(document.createTextNode(text));
    return;
  }
  let end = 0;
  for (let at = lower.indexOf(query); at >= 0; at = lower.indexOf(query, end)) {
    parent.append(document.createTextNode(text.slice(end, at)));
    parent.append(element("mark", "", text.slice(at, at + query.length)));
    end = at + query.length;
  }
  parent.append(document.createTextNode(text.slice(end)));
};
