// The table of all tags. Runs in the page, as a module, and nowhere else: see page.ts.

const ROWS_ON_A_PAGE = 100;
const ROWS_ON_PAPER = 2000;
/** The columns, in the order of the heads in page.ts. */
const COLUMNS = ['tag', 'repository', 'status', 'reason', 'digest'];
const CLASSES = { tag: 'name', repository: 'name' };

const element = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString('en');

const data = JSON.parse(element('data').textContent);
const body = document.querySelector('#rows tbody');
const heads = [...document.querySelectorAll('#rows thead th')];
const search = element('search');
const status = element('status');

const rows = data.rows.map(([tag, repository, environment, standing, reason, digest]) => {
  const row = {
    tag,
    repository: data.repositories[repository],
    standing,
    status: data.standings[standing][1],
    reason: data.reasons[reason],
    digest: /^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : digest,
  };
  const texts = [`${row.repository}:${tag}`, data.environments[environment], row.reason, row.digest];
  return { ...row, text: texts.join(' ').toLowerCase() };
});

let found = rows;
let page = 0;
let sorting = { column: undefined, isDescending: false };

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = status.value === '' ? undefined : Number(status.value);
  found = sorted(
    rows.filter(
      ({ standing, text }) =>
        (wanted === undefined || standing === wanted) && words.every((word) => text.includes(word)),
    ),
  );
  turnTo(0);
}

function sorted(some) {
  const { column, isDescending } = sorting;
  if (column === undefined) return some;
  const { compare } = new Intl.Collator('en', { numeric: true });
  const sign = isDescending ? -1 : 1;
  return some.toSorted((a, b) => sign * compare(a[column], b[column]));
}

function turnTo(wanted) {
  page = wanted;
  const pages = Math.max(1, Math.ceil(found.length / ROWS_ON_A_PAGE));
  const from = page * ROWS_ON_A_PAGE;
  const shown = found.slice(from, from + ROWS_ON_A_PAGE);
  fill(shown);
  tell(shown.length > 0 ? `, ${number(from + 1)} to ${number(from + shown.length)} shown` : '');
  element('page').textContent = `Page ${number(page + 1)} of ${number(pages)}`;
  element('previous').disabled = page === 0;
  element('next').disabled = page >= pages - 1;
  element('pages').hidden = pages === 1;
}

function tell(more) {
  element('count').textContent = `${number(found.length)} of ${number(rows.length)} tags${more}`;
}

/** Text only ever becomes text. */
function fill(some) {
  body.replaceChildren(
    ...some.map((row) => {
      const line = document.createElement('tr');
      line.append(...COLUMNS.map((column) => cellOf(row, column)));
      return line;
    }),
  );
}

function cellOf(row, column) {
  const cell = document.createElement(column === 'tag' ? 'th' : 'td');
  if (column === 'tag') cell.scope = 'row';
  cell.className = CLASSES[column] ?? column;
  if (column === 'status') {
    const dot = document.createElement('span');
    dot.className = `dot is-${data.standings[row.standing][0]}`;
    cell.append(dot);
  }
  // It is cut short.
  if (column === 'digest') cell.title = row.digest;
  cell.append(row[column]);
  return cell;
}

function sortBy(column) {
  sorting = { column, isDescending: sorting.column === column && !sorting.isDescending };
  for (const [index, head] of heads.entries()) {
    if (COLUMNS[index] === column)
      head.setAttribute('aria-sort', sorting.isDescending ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  }
  found = sorted(found);
  turnTo(0);
}

function searchFor(text) {
  search.value = text;
  status.value = '';
  find();
  element('browser').scrollIntoView();
  search.focus({ preventScroll: true });
}

data.standings.forEach(([, label], standing) => {
  const tags = rows.filter((row) => row.standing === standing).length;
  if (tags > 0) status.append(new Option(`${label} (${number(tags)})`, standing));
});
search.addEventListener('input', find);
status.addEventListener('change', find);
for (const [id, step] of [
  ['previous', -1],
  ['next', 1],
])
  element(id).addEventListener('click', () => {
    turnTo(page + step);
    element('rows').scrollIntoView({ block: 'nearest' });
  });
for (const [index, head] of heads.entries())
  head.firstElementChild.addEventListener('click', () => sortBy(COLUMNS[index]));
for (const link of document.querySelectorAll('[data-search]')) {
  link.disabled = false;
  link.addEventListener('click', () => searchFor(link.dataset.search));
}

// On paper there are no pages to turn, and nothing can be unfolded.
const folded = [...document.querySelectorAll('details:not([open])')];
addEventListener('beforeprint', () => {
  for (const each of folded) each.open = true;
  fill(found.slice(0, ROWS_ON_PAPER));
  tell(found.length > ROWS_ON_PAPER ? `, of which the first ${number(ROWS_ON_PAPER)} are printed` : '');
});
addEventListener('afterprint', () => {
  for (const each of folded) each.open = false;
  turnTo(page);
});

for (const id of ['controls', 'rows']) element(id).hidden = false;
turnTo(0);
