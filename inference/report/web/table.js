// The table: filters, order and pages. Only one page of rows is in the document.

const COLUMNS = [
  { key: 'verdict', of: (r, i) => r.kind[i], up: true },
  { key: 'recording', of: (r, i) => r.path[i].toLowerCase(), up: true },
  { key: 'length', of: (r, i) => r.seconds[i], number: true },
  { key: 'speech', of: (r, i) => r.speech[i], number: true },
  { key: 'p', of: (r, i) => r.p[i], number: true },
  { key: 'llr', of: (r, i) => r.llr[i], number: true },
  { key: 'flagged', of: (r, i) => r.flagged[i], number: true, up: true },
  { key: 'why', of: (r, i) => (r.error[i] || r.reasons[i].join('; ')).toLowerCase(), up: true },
];

/** What the reader asked for; survives a change of language. */
const view = { kinds: new Set(), words: '', sort: 'strength', up: false, page: 0, open: new Set() };

/** Rows in order: robots first, then by p(robot); errors last. */
function strength(rows, kinds) {
  const rank = (i) => ({ robot: 0, 'no-speech': 2, error: 3 }[kinds[rows.kind[i]]] ?? 1);
  return (a, b) => rank(a) - rank(b) || (rows.p[b] ?? -1) - (rows.p[a] ?? -1) || a - b;
}

function ordered(data) {
  const { rows } = data, words = view.words.toLowerCase().split(/\s+/).filter(Boolean);
  data.haystack ??= rows.path.map((path, i) => `${path} ${rows.channel[i]} ${rows.id[i]} ${rows.error[i]} ${rows.reasons[i].join(' ')}`.toLowerCase());
  const found = [];
  for (let i = 0; i < rows.path.length; i++) {
    if (view.kinds.size && !view.kinds.has(rows.kind[i])) continue;
    if (words.every((word) => data.haystack[i].includes(word))) found.push(i);
  }
  const column = COLUMNS.find((c) => c.key === view.sort);
  if (!column) return found.sort(strength(rows, data.kinds));
  const way = view.up ? 1 : -1;
  return found.sort((a, b) => {
    const x = column.of(rows, a), y = column.of(rows, b);
    // Rows without a figure come last either way.
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return (x < y ? -way : x > y ? way : 0) || a - b;
  });
}

function callTable(data, filtersChanged) {
  const size = () => (window.matchMedia('(max-width: 700px)').matches ? 25 : 50);
  const head = el('tr'), body = el('tbody');
  const status = el('span', { role: 'status', class: 'faint' });
  const previous = el('button', { type: 'button', onclick: () => turn(-1) }, `‹ ${say('previous')}`);
  const next = el('button', { type: 'button', onclick: () => turn(1) }, `${say('next')} ›`);
  const words = el('input', { type: 'search', value: view.words, placeholder: say('searchHint'), 'aria-label': say('search'), autocomplete: 'off', spellcheck: 'false' });
  const sorter = el('select', { 'aria-label': say('sortBy'), class: 'phone' },
    ...[['strength', '']].concat(COLUMNS.map((c) => [c.key])).map(([key]) => el('option', { value: key, selected: key === view.sort }, key === 'strength' ? `${say('sortBy')} …` : say(key))));
  let order = [], timer = 0;

  function turn(by) {
    view.page += by;
    show();
    table.scrollIntoView({ block: 'start' });
  }
  function sortBy(key) {
    const column = COLUMNS.find((c) => c.key === key);
    if (view.sort === key) view.up = !view.up;
    else { view.sort = key; view.up = Boolean(column && column.up); }
    view.page = 0;
    update();
  }
  words.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => { view.words = words.value; view.page = 0; update(); filtersChanged(); }, 120);
  });
  sorter.addEventListener('change', () => sortBy(sorter.value));

  function heading() {
    head.replaceChildren(...COLUMNS.map((c) => el('th', {
      scope: 'col', class: c.number ? 'number' : `c-${c.key}`,
      'aria-sort': view.sort === c.key ? (view.up ? 'ascending' : 'descending') : null,
    }, el('button', { type: 'button', onclick: () => sortBy(c.key) }, say(c.key), view.sort === c.key ? (view.up ? ' ↑' : ' ↓') : ''))));
  }
  function update() {
    order = ordered(data);
    heading();
    show();
  }
  function show() {
    const pages = Math.max(1, Math.ceil(order.length / size()));
    view.page = Math.min(Math.max(view.page, 0), pages - 1);
    const from = view.page * size(), shown = order.slice(from, from + size());
    body.replaceChildren(...shown.flatMap((row) => rowOf(data, row)));
    if (!shown.length) body.append(el('tr', {}, el('td', { colspan: COLUMNS.length, class: 'faint' }, say(data.rows.path.length ? 'none' : 'empty'))));
    status.textContent = shown.length ? say('shown', count(from + 1), count(from + shown.length), count(order.length)) : '';
    previous.disabled = view.page === 0;
    next.disabled = view.page >= pages - 1;
  }
  /** Opens a row wherever it is. */
  function reveal(row) {
    view.open.add(row);
    view.page = Math.floor(Math.max(order.indexOf(row), 0) / size());
    show();
    document.getElementById(`row-${row}`)?.scrollIntoView({ block: 'start' });
  }

  const table = el('table', {}, el('caption', { class: 'hidden' }, say('calls')), el('thead', {}, head), body);
  update();
  return {
    element: el('div', {},
      el('div', { class: 'tools' }, words, sorter, el('span', { class: 'faint wide' }, say('sortHint'))), table,
      el('nav', { class: 'pages', 'aria-label': say('page') }, previous, status, next)),
    update: () => { view.page = 0; update(); }, reveal,
  };
}

function rowOf(data, row) {
  const { rows } = data, kind = data.kinds[rows.kind[row]];
  const path = rows.path[row], cut = path.lastIndexOf('/') + 1;
  const open = view.open.has(row);
  const told = kind === 'error' ? rows.error[row] : rows.reasons[row].join('; ');
  const cell = (key, words, extra) => el('td', { class: `number c-${key}`, 'data-label': say(key) }, words, extra || '');
  const figure = (key, value, form) => cell(key, value === null ? '' : form(value));
  const button = el('button', { type: 'button', class: 'opener', 'aria-expanded': String(open), 'aria-label': say('details', path) },
    el('span', { class: 'name' }, path.slice(cut)), rows.channel[row] && rows.channel[row] !== 'mono' ? el('span', { class: 'side' }, rows.channel[row]) : '',
    cut ? el('span', { class: 'folder' }, path.slice(0, cut)) : '');
  const bar = rows.p[row] === null ? '' : sv('svg', { class: 'bar', width: 44, height: 6, 'aria-hidden': 'true' },
    sv('rect', { width: 44, height: 6, rx: 3, class: 'trough' }), sv('rect', { width: Math.max(44 * rows.p[row], 1), height: 6, rx: 3, class: `f-${kind}` }));
  const line = el('tr', { id: `row-${row}`, class: open ? 'call open' : 'call' },
    el('td', { class: 'c-verdict' }, badge(kind)),
    el('td', { class: 'c-recording' }, button),
    figure('length', rows.seconds[row], (v) => clock(v)),
    figure('speech', rows.speech[row], (v) => clock(v)),
    cell('p', rows.p[row] === null ? '' : percent(rows.p[row]), bar),
    figure('llr', rows.llr[row], (v) => signed(v)),
    figure('flagged', rows.flagged[row], (v) => clock(v, true)),
    el('td', { class: 'c-why', title: told }, el('span', {}, told)));
  const under = () => el('tr', { class: 'under' }, el('td', { colspan: COLUMNS.length }, panel(data, row)));
  line.addEventListener('click', (event) => {
    if (event.target.closest('a, audio')) return;
    if (!event.target.closest('button') && String(window.getSelection())) return;
    const opening = !view.open.has(row);
    if (opening) { view.open.add(row); line.after(under()); }
    else { view.open.delete(row); line.nextElementSibling?.remove(); }
    line.classList.toggle('open', opening);
    button.setAttribute('aria-expanded', String(opening));
    try { history.replaceState(null, '', opening ? `#row-${row}` : '#'); } catch { /* not on every page from a disk */ }
  });
  return open ? [line, under()] : [line];
}
