// Looks for words in what the page itself holds: no server is asked, and nothing leaves the browser.
const index = JSON.parse(document.getElementById("search-index").textContent);
const form = document.getElementById("search");
const field = form.querySelector("input");
const told = form.querySelector("p");
const list = form.querySelector("ul");
const most = 20;

// As it is looked for: without accents and capitals.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const texts = index.map((one) => plain([one.title, one.kind, one.text].join(" ")));

function find(words) {
  return index
    .map((one, place) => ({ one, place, isNamed: words.every((word) => plain(one.title).includes(word)) }))
    .filter(({ place }) => words.every((word) => texts[place].includes(word)))
    .sort((a, b) => b.isNamed - a.isNamed || a.place - b.place)
    .map(({ one }) => one);
}

function show() {
  const words = plain(field.value).split(/\s+/).filter(Boolean);
  const found = words.length ? find(words) : [];
  list.replaceChildren(...found.slice(0, most).map((one) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    const kind = document.createElement("small");
    link.href = one.href;
    link.textContent = one.title;
    kind.textContent = one.kind;
    line.append(link, kind);
    return line;
  }));
  const sentence = found.length ? (found.length === 1 ? form.dataset.one : form.dataset.many) : form.dataset.none;
  told.textContent = words.length ? sentence.replace("{count}", found.length) : "";
}

// index.html#q=gpt opens with what is found.
field.value = new URLSearchParams(location.hash.slice(1)).get("q") ?? "";
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
field.addEventListener("input", show);
show();
