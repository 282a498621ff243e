// Elements and numbers, as this page writes them. Text is always set as text, never as markup.

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

export function count(number) {
  if (number >= 1e9) return `${(number / 1e9).toFixed(2)} G`;
  if (number >= 1e6) return `${(number / 1e6).toFixed(2)} M`;
  if (number >= 1e5) return `${(number / 1e3).toFixed(0)} k`;
  return Math.round(number).toLocaleString("en");
}

export function counted(number, what) {
  return `${count(number)} ${number === 1 ? what : `${what}s`}`;
}

export function rate(number) {
  return number >= 100 || number === 0 ? count(number) : number.toFixed(1);
}

export function millis(number) {
  if (number === null || number === undefined) return "–";
  if (number >= 999.5) return `${(number / 1000).toFixed(number < 9995 ? 2 : 1)} s`;
  return number >= 10 ? `${number.toFixed(0)} ms` : `${number.toFixed(1)} ms`;
}

export function percent(number) {
  if (number === null || number === undefined) return "–";
  return number === 1 ? "100 %" : `${(number * 100).toFixed(number > 0.99 ? 2 : 1)} %`;
}

export function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  let rest = Math.floor(seconds);
  const parts = [];
  for (const [unit, size] of units) {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    if (whole || (unit === "s" && !parts.length)) parts.push(`${whole}${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}
