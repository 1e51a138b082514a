// Every figure's numbers can be saved as CSV, from the table in the page.

const csvCell = (cell) => {
  // A spreadsheet would take these for formulas; a negative number is none.
  const text = /^[=+@-]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

for (const details of document.querySelectorAll("details.data")) {
  const save = element("button", "save", "Save as CSV");
  save.type = "button";
  save.addEventListener("click", () => {
    const rows = [...details.querySelectorAll("tr")];
    const lines = rows.map((row) => [...row.cells].map((one) => csvCell(one.textContent)).join(","));
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
    link.download = details.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  });
  details.append(save);
}
