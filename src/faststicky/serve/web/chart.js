// Small line charts: inline SVG, one or two series, no axes. The newest value is at the right.

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 100;
const HEIGHT = 30;
const LEAST = 20; // a line of fewer points begins in the middle

function node(name, attributes) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function path(values, top, slots) {
  let text = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const x = ((slots - values.length + index) / Math.max(1, slots - 1)) * WIDTH;
    text += `${pen}${x.toFixed(2)} ${(HEIGHT - (value / top) * HEIGHT).toFixed(2)}`;
    pen = "L";
  });
  return text;
}

// chart(label) makes the element; draw(chart, series, second) shows arrays of numbers or nulls.
export function chart(label) {
  const svg = node("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  svg.append(node("path", { class: "area" }), node("path", { class: "second" }), node("path", { class: "curve" }));
  return svg;
}

export function draw(svg, values, second = []) {
  const slots = Math.max(LEAST, values.length);
  const top = Math.max(1e-9, ...values.map(Number), ...second.map(Number)) * 1.08;
  const curve = path(values, top, slots);
  const [area, other, line] = svg.children;
  line.setAttribute("d", curve);
  other.setAttribute("d", path(second, top, slots));
  const whole = values.length > 1 && values.every((value) => value !== null);
  const left = ((slots - values.length) / Math.max(1, slots - 1)) * WIDTH;
  area.setAttribute("d", whole ? `${curve}L${WIDTH} ${HEIGHT}L${left.toFixed(2)} ${HEIGHT}Z` : "");
}
