// The page from top to bottom.

function header(data) {
  const facts = [
    say('from', data.source), say('made', data.made), data.root ? say('below', data.root) : '',
    ...data.models.map((m) => say('model', m)), ...data.points.map((p) => say('point', p)),
  ];
  return el('header', {},
    el('div', { class: 'title' }, el('h1', {}, say('report'), el('span', { class: 'brand' }, 'ringtrue')),
      el('button', { type: 'button', 'aria-label': say('languageLabel'), onclick: () => { switchLanguage(); build(data); } }, say('language'))),
    el('p', { class: 'faint' }, facts.filter(Boolean).join(' · ')));
}

function totals(data, onfilter) {
  const { kinds, totals: sums } = data;
  const share = (n) => (sums.rows ? ` ${(100 * n / sums.rows).toFixed(n && n < sums.rows / 100 ? 1 : 0)} %` : '');
  const toggle = (k) => {
    if (view.kinds.has(k)) view.kinds.delete(k); else view.kinds.add(k);
    onfilter();
  };
  const buttons = kinds.map((kind, k) => el('button', {
    type: 'button', class: `card c-${kind}`, 'aria-pressed': String(view.kinds.has(k)), title: say('filterBy', say(kind)), onclick: () => toggle(k),
  }, el('span', { class: 'big' }, count(sums.kinds[k])), el('span', { class: 'kind' }, say(kind === 'error' ? 'errors' : kind)), el('span', { class: 'faint' }, share(sums.kinds[k]))));
  const strip = el('div', { class: 'strip', 'aria-hidden': 'true' },
    ...kinds.map((kind, k) => (sums.kinds[k] ? el('i', { class: `k-${kind}`, style: `flex-grow:${sums.kinds[k]}` }) : null)));
  const element = el('section', { 'aria-label': say('calls') },
    el('p', { class: 'lead' }, [
      say('channels', count(sums.rows), count(sums.recordings)), say('hours', duration(sums.seconds), duration(sums.speech)),
      sums.flagged === null ? '' : say('median', duration(sums.flagged)),
    ].filter(Boolean).join(' · ')),
    el('div', { class: 'cards' }, ...buttons), strip);
  return { element, refresh: () => buttons.forEach((b, k) => b.setAttribute('aria-pressed', String(view.kinds.has(k)))) };
}

function figureOf(title, note, chart, table) {
  return el('figure', { class: 'box' }, el('figcaption', {}, el('h2', {}, title), el('p', { class: 'faint' }, note)), ...chart, table || '');
}

function charts(data) {
  const { source, unit, undated } = data.time;
  const note = say(`by${source}`, say(unit)) + (undated ? ` · ${say('undated', count(undated))}` : '');
  const parts = [];
  if (data.time.labels.length) parts.push(figureOf(say('overTime'), note, timeChart(data)));
  if (data.histogram.counts.length) parts.push(figureOf(say('dist'), say('llrHelp'), scoreChart(data), el('p', { class: 'faint small center' }, `${say('llrAxis')} / ${say('pAxis')}`)));
  return el('div', { class: 'two' }, ...parts);
}

function errorKinds(data, onfilter) {
  if (!data.errors.length) return '';
  const error = data.kinds.indexOf('error');
  return el('section', { class: 'box' }, el('h2', {}, say('errorKinds')),
    el('ul', { class: 'errors' }, ...data.errors.map(([text, n, example]) => el('li', {},
      el('button', { type: 'button', class: 'count', title: say('filterBy', say('error')), onclick: () => { view.kinds.clear(); view.kinds.add(error); onfilter(); document.querySelector('table').scrollIntoView(); } }, count(n)),
      el('span', {}, text, ' ', el('span', { class: 'faint small' }, say('such', example.startsWith(data.root) ? example.slice(data.root.length) : example)))))));
}

function build(data) {
  document.title = `${say('report')} · ${data.source}`;
  const changed = () => { table.update(); cards.refresh(); };
  const table = callTable(data, () => {});
  const cards = totals(data, changed);
  const notes = [];
  if (data.rows.path.length < data.totals.rows) notes.push(el('p', { class: 'notice' }, say('limited', count(data.rows.path.length), count(data.totals.rows))));
  if (data.unreadable) notes.push(el('details', { class: 'notice bad' }, el('summary', {}, say('unreadable', count(data.unreadable))), el('ul', {}, ...data.notes.map((n) => el('li', {}, n)))));
  document.getElementById('app').replaceChildren(
    header(data),
    el('main', {}, cards.element, ...notes, charts(data), errorKinds(data, changed),
      el('section', { class: 'box calls' }, el('h2', {}, say('calls')), table.element)),
    el('footer', { class: 'faint' }, say('advice')));
  return table;
}

(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  chooseLanguage();
  const table = build(data);
  const wanted = /^#row-(\d+)$/.exec(location.hash);
  if (wanted && Number(wanted[1]) < data.rows.path.length) table.reveal(Number(wanted[1]));
})();
