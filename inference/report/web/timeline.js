// The picture of one call: verdict, waveform, speech, evidence with thresholds, marks and the flag.

function numbers(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  if (Kind === Int16Array) {
    const view = new DataView(bytes.buffer);
    return Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true));
  }
  return Array.from(new Kind(bytes.buffer));
}

/** The curves of a call from their packed form (see curves.py). */
function unpack(packed) {
  const llr = numbers(packed.l, Int16Array).map((v) => v / 100);
  return {
    seconds: packed.s, step: packed.d, llr,
    voice: packed.v ? numbers(packed.v, Int16Array).map((v) => v / 100) : llr,
    both: Boolean(packed.v),
    speech: numbers(packed.p, Uint8Array).map((v) => v / 100),
    envelope: numbers(packed.w, Int8Array).map((v) => v / 127), envelopeStep: packed.e,
    changes: packed.c.map(([at, verdict, reasons]) => ({ at, verdict, reasons })),
    marks: packed.m.map(([at, stream, text, llr]) => ({ at, stream, text, llr })),
    flagged: packed.f, flag: packed.t[0], clear: packed.t[1], human: packed.t[2],
    point: packed.o, model: packed.x,
  };
}

/** [{from, to, verdict}] without gaps. */
function spans(call) {
  const all = [{ at: 0, verdict: 'unsure' }, ...call.changes];
  return all.map(({ at, verdict }, i) => ({ from: at, to: i + 1 < all.length ? all[i + 1].at : call.seconds, verdict }))
    .filter(({ from, to }) => to > from);
}

/**
 * The picture as an element with a movable cursor.
 * onseek(seconds) is told when the reader points somewhere; moveTo(seconds) moves the cursor.
 */
function timelinePicture(call, onseek) {
  const length = Math.max(call.seconds, 0.1);
  const readout = el('div', { class: 'readout', 'aria-hidden': 'true' }, '\u00a0');
  const box = el('div', {
    class: 'picture', role: 'slider', tabindex: '0', 'aria-label': say('timeline'),
    'aria-valuemin': 0, 'aria-valuemax': length.toFixed(1), 'aria-valuenow': 0,
  });
  let place = null, cursor = null, now = 0, top = 0, bottom = 0;

  function tell(at) {
    const i = Math.min(Math.max(Math.ceil(at / call.step - 1e-6) - 1, 0), call.llr.length - 1);
    if (i < 0) return clock(at, true);
    const llr = call.voice[i], here = spans(call).filter((s) => s.from <= at + 1e-6).pop();
    return [
      clock(at, true), say(here ? here.verdict : 'unsure'),
      `voice_llr ${signed(llr)} (${say('odds', odds(llr), say(llr >= 0 ? 'robot' : 'human'))})`,
      call.both ? `${say('curveAll')} ${signed(call.llr[i])}` : '',
      `${say(call.speech[i] >= 0.5 ? 'speaking' : 'silent')} ${Math.round(100 * call.speech[i])} %`,
    ].filter(Boolean).join(' · ');
  }

  function moveTo(at) {
    now = Math.min(Math.max(at, 0), length);
    if (cursor) {
      for (const end of ['x1', 'x2']) cursor.setAttribute(end, place(now));
      cursor.classList.add('on');
    }
    const words = tell(now);
    readout.textContent = words;
    box.setAttribute('aria-valuenow', now.toFixed(1));
    box.setAttribute('aria-valuetext', words);
  }

  const timeOf = (event) => {
    const { left, width } = box.getBoundingClientRect();
    const [a, b] = [place(0), place(length)];
    return ((event.clientX - left) * (box.clientWidth / width) - a) / (b - a) * length;
  };
  box.addEventListener('pointermove', (event) => { if (event.pointerType === 'mouse' && !box.classList.contains('playing')) moveTo(timeOf(event)); });
  box.addEventListener('click', (event) => { moveTo(timeOf(event)); onseek(now); });
  box.addEventListener('keydown', (event) => {
    const step = Math.max(length / 100, 0.1);
    const move = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageUp: 10 * step, PageDown: -10 * step, Home: -length, End: length }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    moveTo(now + move);
    onseek(now);
  });

  drawnToWidth(box, (width) => {
    const narrow = width < 560;
    const left = narrow ? 30 : 58, right = 8;
    const tall = narrow ? 130 : 160, marked = call.marks.length ? 20 : 0;
    const band = 20, wave = band + 16, waveTall = narrow ? 48 : 60, speech = wave + waveTall + 6;
    const graph = speech + 24, foot = graph + tall, height = foot + marked + 22;
    top = band; bottom = foot;
    place = (at) => left + (width - left - right) * (at / length);
    const root = sv('svg', { width, height, class: 'plot', 'aria-hidden': 'true' });
    for (const { from, to, verdict } of spans(call)) {
      const span = { x: place(from), width: place(to) - place(from) };
      if (verdict !== 'unsure') root.append(sv('rect', { ...span, y: wave - 4, height: foot - wave + 4, class: `tint-${verdict}` }));
      root.append(sv('rect', { ...span, y: band, height: 8, class: `f-${verdict}` }));
    }
    waveform(root, call, place, wave + waveTall / 2, waveTall / 2);
    speechLane(root, call, place, speech, 14);
    evidence(root, call, place, { left, right: width - right, top: graph, bottom: foot, narrow });
    if (!narrow) {
      for (const [y, words] of [[band + 8, say('verdict').toLowerCase()], [wave + waveTall / 2 + 4, say('audio')], [speech + 12, say('speechLane')]]) {
        root.append(sv('text', { x: left - 8, y, 'text-anchor': 'end' }, words));
      }
    }
    markLane(root, call, place, graph, foot);
    for (const at of timeTicks(length, (width - left) / (narrow ? 56 : 76))) {
      root.append(
        sv('line', { x1: place(at), x2: place(at), y1: foot + marked, y2: foot + marked + 4, class: 'axis' }),
        sv('text', { x: place(at), y: foot + marked + 17, 'text-anchor': place(at) > width - 20 ? 'end' : 'middle' }, clock(at)),
      );
    }
    if (call.flagged !== null) {
      const x = place(call.flagged), late = x > width - 130;
      root.append(
        sv('line', { x1: x, x2: x, y1: 4, y2: foot, class: 'flag' }),
        sv('text', { x: x + (late ? -6 : 6), y: 13, 'text-anchor': late ? 'end' : 'start', class: 't-robot strong' }, `⚑ ${say('flagMark')} ${clock(call.flagged, true)}`),
      );
    }
    cursor = sv('line', { y1: top, y2: bottom, class: 'cursor' });
    root.append(cursor);
    if (now) moveTo(now);
    return root;
  });
  return { element: el('div', {}, box, readout, legend(call)), box, moveTo };
}

function waveform(root, call, place, middle, half) {
  const { envelope, envelopeStep, seconds } = call;
  const upper = [], lower = [];
  for (let i = 0; 2 * i < envelope.length; i++) {
    const x = place(Math.min((i + 0.5) * envelopeStep, seconds)).toFixed(1);
    lower.unshift(`${x},${(middle - half * envelope[2 * i]).toFixed(1)}`);
    upper.push(`${x},${(middle - half * envelope[2 * i + 1]).toFixed(1)}`);
  }
  root.append(
    sv('line', { x1: place(0), x2: place(seconds), y1: middle, y2: middle, class: 'wave' }),
    sv('polygon', { points: [...upper, ...lower].join(' '), class: 'wave' }),
  );
}

function speechLane(root, call, place, top, tall) {
  const steps = [`M${place(0)} ${top + tall}`];
  call.speech.forEach((p, i) => {
    const end = Math.min((i + 1) * call.step, call.seconds);
    steps.push(`V${(top + tall * (1 - p)).toFixed(1)}H${place(end).toFixed(1)}`);
  });
  root.append(sv('path', { d: `${steps.join('')}V${top + tall}Z`, class: 'speech' }));
}

function evidence(root, call, place, { left, right, top, bottom, narrow }) {
  const values = [...call.llr, ...call.voice, call.flag, call.human, 0];
  let low = Math.min(...values), high = Math.max(...values);
  const room = 0.1 * (high - low || 1);
  low -= room; high += room;
  const y = (v) => bottom - (bottom - top) * ((v - low) / (high - low));
  for (const v of ticks(low, high, narrow ? 4 : 6)) {
    root.append(
      sv('line', { x1: left, x2: right, y1: y(v), y2: y(v), class: Math.abs(v) < 1e-9 ? 'axis' : 'grid' }),
      sv('text', { x: left - 6, y: y(v) + 4, 'text-anchor': 'end' }, tick(v)),
    );
  }
  for (const [v, kind, key] of [[call.flag, 'robot', 'robotFrom'], [call.clear, 'unsure', 'withdrawn'], [call.human, 'human', 'humanFrom']]) {
    root.append(sv('line', { x1: left, x2: right, y1: y(v), y2: y(v), class: `threshold s-${kind}` }));
    if (key === 'withdrawn' && Math.min(Math.abs(y(v) - y(call.flag)), Math.abs(y(v) - y(call.human))) < 16) continue;
    root.append(sv('text', { x: right - 2, y: y(v) - 5, 'text-anchor': 'end', class: `t-${kind} halo` }, say(key, signed(v, 1))));
  }
  const line = (curve) => curve.reduce((text, v, i) => `${text}L${place(Math.min((i + 1) * call.step, call.seconds)).toFixed(1)} ${y(v).toFixed(1)}`, `M${place(0)} ${y(0).toFixed(1)}`);
  if (call.both) root.append(sv('path', { d: line(call.llr), class: 'curve all' }));
  root.append(sv('path', { d: line(call.voice), class: 'curve voice' }));
}

function markLane(root, call, place, top, foot) {
  call.marks.forEach((mark, i) => {
    const x = place(mark.at), next = call.marks[i + 1], side = mark.llr > 0 ? 'robot' : mark.llr < 0 ? 'human' : 'unsure';
    root.append(
      sv('line', { x1: x, x2: x, y1: top, y2: foot + 3, class: `threshold s-${side}` }),
      sv('path', { d: `M${x} ${foot + 2}l5 8h-10z`, class: `f-${side}` }, sv('title', {}, `${clock(mark.at, true)} ${mark.text}`)),
    );
    if (!next || place(next.at) - x > 22) root.append(sv('text', { x: x + 7, y: foot + 12, class: `t-${side}` }, String(i + 1)));
  });
}

function legend(call) {
  const entry = (kind, words) => el('span', { class: 'entry' }, el('i', { class: `key ${kind}`, 'aria-hidden': 'true' }), words);
  const said = new Set(spans(call).map((s) => s.verdict));
  return el('div', { class: 'legend' },
    entry('k-voice', say('curveVoice')), call.both ? entry('k-all', say('curveAll')) : null,
    entry('k-speech', say('speechLane')),
    ...['robot', 'unsure', 'human'].filter((v) => said.has(v)).map((v) => entry(`k-${v}`, say('says', say(v)))),
    call.marks.length ? entry('k-mark', say('mark')) : null,
  );
}
