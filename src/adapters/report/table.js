// The table of all tags. Runs in the page, and nowhere else: see page.ts.

(() => {
  const ROWS_ON_A_PAGE = 100;
  const ROWS_ON_PAPER = 2000;
  const [TAG, REPOSITORY, ENVIRONMENT, STANDING, REASON, DIGEST] = [0, 1, 2, 3, 4, 5];

  const element = (id) => document.getElementById(id);
  const data = JSON.parse(element('data').textContent);
  const body = document.querySelector('#rows tbody');
  const search = element('search');
  const status = element('status');
  const heads = [...document.querySelectorAll('#rows thead th')];

  const fullDigest = (digest) => (/^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : digest);
  const rows = data.rows.map((row) => ({
    standing: row[STANDING],
    cells: [
      row[TAG],
      data.repositories[row[REPOSITORY]],
      data.environments[row[ENVIRONMENT]],
      data.standings[row[STANDING]][1],
      data.reasons[row[REASON]],
      fullDigest(row[DIGEST]),
    ],
  }));
  for (const row of rows) row.text = `${row.cells[REPOSITORY]}:${row.cells.join(' ')}`.toLowerCase();

  const state = { found: rows, page: 0, column: -1, descending: false };

  function find() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = status.value === '' ? undefined : Number(status.value);
    state.found = rows.filter(
      ({ standing, text }) =>
        (wanted === undefined || standing === wanted) && words.every((word) => text.includes(word)),
    );
    sort();
    state.page = 0;
    show();
  }

  function sort() {
    if (state.column < 0) return;
    const { compare } = new Intl.Collator('en', { numeric: true });
    const sign = state.descending ? -1 : 1;
    // A copy: what is found may be all rows, whose own order is the plan's.
    state.found = [...state.found].sort(
      (a, b) => sign * compare(a.cells[state.column], b.cells[state.column]),
    );
  }

  function show() {
    const pages = Math.max(1, Math.ceil(state.found.length / ROWS_ON_A_PAGE));
    const from = state.page * ROWS_ON_A_PAGE;
    fill(state.found.slice(from, from + ROWS_ON_A_PAGE));
    const shown = Math.min(ROWS_ON_A_PAGE, state.found.length - from);
    const range = shown > 0 ? `, ${number(from + 1)} to ${number(from + shown)} shown` : '';
    element('count').textContent = `${number(state.found.length)} of ${number(rows.length)} tags${range}`;
    element('page').textContent = `Page ${number(state.page + 1)} of ${number(pages)}`;
    element('previous').disabled = state.page === 0;
    element('next').disabled = state.page >= pages - 1;
    element('pages').hidden = pages === 1;
  }

  function fill(some) {
    const made = some.map(({ cells, standing }) => {
      const line = document.createElement('tr');
      cells.forEach((text, column) => {
        const cell = document.createElement(column === TAG ? 'th' : 'td');
        if (column === TAG) cell.scope = 'row';
        cell.className = ['name', 'name', 'name', 'status', 'reason', 'digest'][column];
        if (column === STANDING) {
          const dot = document.createElement('span');
          dot.className = `dot dot-${data.standings[standing][0]}`;
          cell.append(dot);
        }
        cell.append(text);
        line.append(cell);
      });
      return line;
    });
    body.replaceChildren(...made);
  }

  function number(value) {
    return value.toLocaleString('en');
  }

  function sortBy(column) {
    state.descending = state.column === column && !state.descending;
    state.column = column;
    for (const [index, head] of heads.entries()) {
      if (index === column) head.setAttribute('aria-sort', state.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    sort();
    state.page = 0;
    show();
  }

  function turnTo(page) {
    state.page = page;
    show();
    element('rows').scrollIntoView({ block: 'nearest' });
  }

  data.standings.forEach(([, label], standing) => {
    const tags = rows.filter((row) => row.standing === standing).length;
    if (tags > 0) status.append(new Option(`${label} (${number(tags)})`, standing));
  });
  search.addEventListener('input', find);
  status.addEventListener('change', find);
  element('previous').addEventListener('click', () => turnTo(state.page - 1));
  element('next').addEventListener('click', () => turnTo(state.page + 1));
  for (const [column, head] of heads.entries())
    head.firstElementChild.addEventListener('click', () => sortBy(column));
  for (const link of document.querySelectorAll('[data-search]')) {
    link.disabled = false;
    link.addEventListener('click', () => {
      search.value = link.dataset.search;
      status.value = '';
      find();
      element('browser').scrollIntoView();
      search.focus({ preventScroll: true });
    });
  }

  // On paper there are no pages to turn, and nothing can be unfolded.
  const folded = [...document.querySelectorAll('details:not([open])')];
  addEventListener('beforeprint', () => {
    for (const each of folded) each.open = true;
    fill(state.found.slice(0, ROWS_ON_PAPER));
    const left = state.found.length - ROWS_ON_PAPER;
    const printed = left > 0 ? `, of which the first ${number(ROWS_ON_PAPER)} are printed` : '';
    element('count').textContent = `${number(state.found.length)} of ${number(rows.length)} tags${printed}`;
  });
  addEventListener('afterprint', () => {
    for (const each of folded) each.open = false;
    show();
  });

  for (const id of ['controls', 'rows']) element(id).hidden = false;
  show();
})();
