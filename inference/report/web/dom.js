// Elements and figures. Text enters the page through text nodes and attributes only.
const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== ''));
  return node;
}

/** An HTML element; `onclick: f` adds a listener, null children are left out. */
function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
function sv(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

const count = (n) => n.toLocaleString(language === 'zh' ? 'zh-CN' : 'en');
const signed = (x, digits = 2) => (x > 0 ? '+' : x < 0 ? '−' : '') + Math.abs(x).toFixed(digits);
const tick = (x) => (x > 0 ? '+' : x < 0 ? '−' : '') + String(+Math.abs(x).toFixed(6));

/** Time into a call: 0:07.3, 12:05 or 1:02:05. */
function clock(seconds, tenths = false) {
  let all = tenths ? Math.round(seconds * 10) / 10 : Math.round(seconds);
  const hours = Math.floor(all / 3600); all -= hours * 3600;
  const minutes = Math.floor(all / 60); all -= minutes * 60;
  const rest = (tenths ? all.toFixed(1) : String(Math.round(all))).padStart(tenths ? 4 : 2, '0');
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

function duration(seconds) {
  if (seconds >= 3600) return `${(seconds / 3600).toFixed(seconds < 36000 ? 1 : 0)} h`;
  return seconds >= 60 ? `${(seconds / 60).toFixed(seconds < 600 ? 1 : 0)} min` : `${seconds.toFixed(1)} s`;
}

/** A likelihood ratio in favour of the likelier side. */
function odds(llr) {
  const ratio = Math.exp(Math.min(Math.abs(llr), 20));
  if (ratio >= 1000) return '> 1000:1';
  return ratio >= 9.95 ? `${ratio.toFixed(0)}:1` : `${ratio.toFixed(1)}:1`;
}

const percent = (p) => `${(100 * p).toFixed(p > 0.9995 || p < 0.0005 ? 2 : 1)} %`;

/** Round values within low…high, 1, 2 or 5 times a power of ten apart. */
function ticks(low, high, most) {
  if (!(high > low)) return [low];
  const raw = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n++) found.push(n * step + 0);
  return found;
}

/** Round times within 0…seconds, in steps that clocks know. */
function timeTicks(seconds, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000];
  const step = steps.find((s) => seconds / s <= Math.max(most, 1)) || 86400;
  const found = [];
  for (let at = 0; at <= seconds + 1e-9; at += step) found.push(at);
  return found;
}

/** Draws again whenever the width of `box` changes. */
function drawnToWidth(box, draw) {
  let last = 0;
  new ResizeObserver(() => {
    const width = Math.floor(box.clientWidth);
    if (!width || width === last) return;
    last = width;
    // Drawing within the callback would count as a loop of resizing.
    requestAnimationFrame(() => box.replaceChildren(draw(width)));
  }).observe(box);
  return box;
}
