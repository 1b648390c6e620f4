// What opens below a row: picture, sound, what happened, figures.

const CURVES = { inline: null, blocks: new Map() };

/** Called by data/curves-N.js. */
window.ringtrueCurves = (block, curves) => { CURVES.blocks.set(block, curves); };

/** Packed curves of a row, or null; files of curves are read when first needed. */
function curvesOf(data, row) {
  if (!data.blocks) {
    CURVES.inline ??= JSON.parse(document.getElementById('curves').textContent);
    return Promise.resolve(CURVES.inline[row] ?? null);
  }
  const block = Math.floor(row / data.blocks);
  if (CURVES.blocks.has(block)) return Promise.resolve(CURVES.blocks.get(block)[row] ?? null);
  return new Promise((resolve, reject) => {
    const name = `data/curves-${block}.js`;
    const script = el('script', { src: name });
    script.onload = () => resolve(CURVES.blocks.get(block)?.[row] ?? null);
    script.onerror = () => reject(new Error(say('dataMissing', name)));
    document.head.append(script);
  });
}

function badge(kind) {
  return el('span', { class: `badge b-${kind}` }, say(kind));
}

function panel(data, row) {
  const rows = data.rows, kind = data.kinds[rows.kind[row]];
  const body = el('div', { class: 'panel-body' });
  if (kind === 'error') body.append(el('p', { class: 'notice bad' }, rows.error[row]));
  const place = el('div', { class: 'place' });
  const beside = el('div', { class: 'columns' }, happened(null, data, row, () => {}), figures(data, row));
  body.append(place, beside);
  if (kind === 'error') return body;
  const sound = player(data, row);
  if (!['stored', 'rescored'].includes(rows.drawn[row])) {
    const why = rows.drawn[row] || (rows.words[row] ? 'failed' : 'noTimeline');
    place.append(el('p', { class: 'notice' }, say(why, rows.words[row])), sound ? sound.element : '');
    return body;
  }
  place.append(el('p', { class: 'faint' }, say('loading')));
  curvesOf(data, row).then((packed) => {
    if (!packed) throw new Error(say('noTimeline'));
    const call = unpack(packed);
    const seek = (at) => { if (sound) sound.audio.currentTime = at; };
    const picture = timelinePicture(call, seek);
    if (sound) sound.follow(picture);
    place.replaceChildren(picture.element, sound ? sound.element : '', provenance(data, row, call));
    beside.replaceChildren(happened(call, data, row, (at) => { picture.moveTo(at); seek(at); }), figures(data, row));
  }).catch((error) => place.replaceChildren(el('p', { class: 'notice bad' }, error.message)));
  return body;
}

function player(data, row) {
  const source = data.rows.audio[row];
  if (!source) return null;
  const audio = el('audio', { controls: true, preload: 'none', src: source, 'aria-label': data.rows.path[row] });
  const copied = source.startsWith('audio/');
  const element = el('div', { class: 'player' }, audio, copied ? el('span', { class: 'faint' }, say('copyOf')) : el('a', { href: source }, say('openAudio')));
  audio.addEventListener('error', () => {
    element.replaceChildren(el('span', { class: 'notice' }, `${say('noAudio')} `, el('span', { class: 'faint' }, copied ? '' : say('noAudioHint'))));
  });
  let follower = null;
  const tick = () => {
    if (follower) follower.moveTo(audio.currentTime);
    if (!audio.paused && audio.isConnected) requestAnimationFrame(tick);
  };
  audio.addEventListener('play', () => {
    document.querySelectorAll('audio').forEach((other) => { if (other !== audio) other.pause(); });
    if (follower) follower.box.classList.add('playing');
    requestAnimationFrame(tick);
  });
  audio.addEventListener('pause', () => { if (follower) follower.box.classList.remove('playing'); });
  return { element, audio, follow: (picture) => { follower = picture; } };
}

function provenance(data, row, call) {
  const before = data.rows.flagged[row], after = call.flagged;
  const differs = (before === null) !== (after === null) || (before !== null && Math.abs(before - after) > 0.15);
  return el('p', { class: 'faint small' }, say(data.rows.drawn[row], call.model, call.point), ' ',
    differs ? el('strong', {}, say('differs')) : '',
    data.rows.picture[row] ? el('a', { href: data.rows.picture[row] }, say('png')) : '');
}

function happened(call, data, row, seek) {
  // What was said at a change of the verdict need not be said twice.
  const said = new Set(call ? call.changes.flatMap((c) => c.reasons) : []);
  const reasons = data.rows.reasons[row].filter((r) => !said.has(r));
  const why = reasons.length ? [el('h4', {}, say('reasons')), el('ul', {}, ...reasons.map((r) => el('li', {}, r)))] : [];
  if (!call) return el('div', {}, ...why);
  const events = [
    { at: 0, node: [badge('unsure')], words: say('start') },
    ...call.changes.map(({ at, verdict, reasons: words }) => ({ at, node: [badge(verdict)], words: words.join('; ') })),
    ...call.marks.map(({ at, text, llr }, i) => ({ at, node: [el('span', { class: `number ${llr > 0 ? 't-robot' : llr < 0 ? 't-human' : ''}` }, `▲${i + 1}`)], words: `${text} (${signed(llr, 1)})` })),
  ].sort((a, b) => a.at - b.at);
  return el('div', {},
    el('h4', {}, say('happened')),
    el('ol', { class: 'events' }, ...events.map(({ at, node, words }) => el('li', {},
      el('button', { type: 'button', class: 'time', onclick: () => seek(at) }, clock(at, true)), ...node, el('span', {}, words)))),
    ...why);
}

function figures(data, row) {
  const rows = data.rows;
  const pairs = [
    ['file', data.root + rows.path[row]], ['id', rows.id[row]], ['channel', rows.channel[row]],
    ['length', rows.seconds[row] === null ? '' : clock(rows.seconds[row], true)],
    ['speech', rows.speech[row] === null ? '' : clock(rows.speech[row], true)],
    ['p', rows.p[row] === null ? '' : percent(rows.p[row])],
    ['llr', rows.llr[row] === null ? '' : `${signed(rows.llr[row])} (${say('odds', odds(rows.llr[row]), say(rows.llr[row] >= 0 ? 'robot' : 'human'))})`],
    ['flagged', rows.flagged[row] === null ? '' : clock(rows.flagged[row], true)],
    ['scored', rows.made[row]],
  ].filter(([, value]) => value);
  return el('dl', {}, ...pairs.flatMap(([key, value]) => [el('dt', {}, say(key)), el('dd', {}, value)]));
}
