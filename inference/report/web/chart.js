// Stacked bars, drawn to the width of their box.

/**
 * One chart.
 * counts: per bar, one number per kind. label(i): of a bar. edges: labels stand between bars.
 * lines: [{at (bars from the left), text, kind}] vertical marks.
 */
function stackedBars({ counts, kinds, label, axis, lines = [], name, height = 190 }) {
  const told = (i) => `${label(i)}: ` + counts[i].map((n, k) => (n ? `${say(kinds[k])} ${count(n)}` : '')).filter(Boolean).join(', ');
  const box = el('div', { class: 'chart' });
  // The same in words, for those who do not see the bars.
  const list = el('ul', { class: 'hidden' }, ...counts.map((_, i) => el('li', {}, told(i))));
  drawnToWidth(box, (width) => {
    const left = 38, right = 10, top = lines.length ? 30 : 12, bottom = axis.second ? 50 : 34;
    const inner = width - left - right, tall = height - top - bottom;
    const sums = counts.map((c) => c.reduce((a, b) => a + b, 0));
    const most = Math.max(1, ...sums);
    const x = (i) => left + (inner * i) / counts.length;
    const y = (n) => top + tall * (1 - n / most);
    const root = sv('svg', { width, height, role: 'img', 'aria-label': name, class: 'plot' });
    for (const n of ticks(0, most, 4)) {
      if (n !== Math.round(n)) continue;
      root.append(
        sv('line', { x1: left, x2: width - right, y1: y(n), y2: y(n), class: 'grid' }),
        sv('text', { x: left - 6, y: y(n) + 4, 'text-anchor': 'end' }, count(n)),
      );
    }
    const gap = inner / counts.length > 5 ? 1 : 0;
    counts.forEach((bar, i) => {
      let under = 0;
      const group = sv('g', {}, sv('title', {}, told(i)));
      bar.forEach((n, k) => {
        if (!n) return;
        const high = Math.max(y(under) - y(under + n), 1);
        group.append(sv('rect', { x: x(i) + gap / 2, width: Math.max(x(i + 1) - x(i) - gap, 0.5), y: y(under) - high, height: high, class: `f-${kinds[k]}` }));
        under += n;
      });
      if (under) group.append(sv('rect', { x: x(i), width: x(i + 1) - x(i), y: top, height: tall, class: 'hit' }));
      root.append(group);
    });
    root.append(sv('line', { x1: left, x2: width - right, y1: y(0), y2: y(0), class: 'axis' }));
    let free = -1e9;
    for (const { at, text, second } of axis.marks(Math.floor(inner / axis.room))) {
      const here = x(at), half = axis.room / 2 - 2;
      const anchor = here + half > width ? 'end' : here - half < 0 ? 'start' : 'middle';
      const begin = here - half * { start: 0, middle: 1, end: 2 }[anchor];
      if (begin < free) continue;
      free = begin + 2 * half;
      root.append(
        sv('line', { x1: here, x2: here, y1: y(0), y2: y(0) + 4, class: 'axis' }),
        sv('text', { x: here, y: y(0) + 17, 'text-anchor': anchor }, text),
      );
      if (second) root.append(sv('text', { x: here, y: y(0) + 32, 'text-anchor': anchor, class: 'faint' }, second));
    }
    lines.forEach(({ at, text, kind }, n) => {
      if (at < 0 || at > counts.length) return;
      const here = x(at), end = here > left + inner / 2;
      root.append(
        sv('line', { x1: here, x2: here, y1: top - 14, y2: y(0), class: `threshold s-${kind}` }),
        sv('text', { x: here + (end ? -5 : 5), y: top - 6 - (n % 2) * 12, 'text-anchor': end ? 'end' : 'start', class: `t-${kind}` }, text),
      );
    });
    return root;
  });
  return [box, list];
}

function timeChart(data) {
  const { labels, counts, unit } = data.time;
  const short = (s) => (unit === 'minute' || unit === 'hour' ? s.slice(5) : unit === 'rows' ? s : unit === 'month' ? s.slice(0, 7) : unit === 'year' ? s.slice(0, 4) : s.slice(5));
  return stackedBars({
    counts, kinds: data.kinds, name: say('overTime'), label: (i) => (unit === 'rows' ? '#' : '') + labels[i], height: 226,
    axis: {
      room: unit === 'hour' || unit === 'minute' ? 84 : 52,
      marks: () => labels.map((text, i) => ({ at: i + 0.5, text: short(text) })),
    },
  });
}

function scoreChart(data) {
  const { first, width, counts } = data.histogram;
  const last = first + width * counts.length;
  const place = (llr) => (llr - first) / width;
  const [robot, human] = data.thresholds || [null, null];
  const lines = [['humanFrom', human, 'human'], ['robotFrom', robot, 'robot']].filter(([, llr]) => llr !== null)
    .map(([key, llr, kind]) => ({ at: place(llr), text: say(key, signed(llr, 1)), kind }));
  return stackedBars({
    counts, kinds: data.kinds, name: say('dist'), lines, height: 206,
    label: (i) => `${signed(first + i * width, 1)} … ${signed(first + (i + 1) * width, 1)}`,
    axis: {
      room: 50,
      marks: (most) => ticks(first, last, most).map((llr) => ({ at: place(llr), text: tick(llr), second: `${Math.round(100 / (1 + Math.exp(-llr)))} %` })),
    },
  });
}
