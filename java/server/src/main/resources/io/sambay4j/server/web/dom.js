// Small helpers for making elements. Nothing here, or anywhere on the page, turns text into markup.

/**
 * Makes an element. An attribute whose value is a function becomes a listener, `true` an empty attribute; `false`, `null`
 * and `undefined` are left out. Children are nodes or text.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name, value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The element with this id, which must exist. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) {
    throw new Error(`index.html has no element with id "${id}"`);
  }
  return element;
}

/** Sets the text of an element only where it differs, so that nothing is laid out again in vain. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** A bar for a share between 0 and 1, named by the element with this id. */
export function makeMeter(labelId) {
  return make("span", { class: "meter", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100", "aria-labelledby": labelId }, make("span"));
}

/** Sets a bar. */
export function setMeter(meter, share) {
  meter.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  meter.style.setProperty("--share", share);
}

/** A button that shows an icon and is called `label` by assistive technology and in its tooltip. */
export function iconButton(name, label, onClick, className = "icon-button") {
  return make("button", { type: "button", class: className, "aria-label": label, title: label, click: onClick }, icon(name));
}

/** Lets a text field grow with its text, in browsers whose style sheets cannot say so. */
export function growWithText(field) {
  if (!CSS.supports("field-sizing", "content")) {
    field.addEventListener("input", () => {
      field.style.height = "auto";
      field.style.height = `${field.scrollHeight}px`;
    });
  }
}

const SVG = "http://www.w3.org/2000/svg";

// Outlines on a 24 x 24 grid.
const ICONS = {
  alert: "M12 4 21 19.5H3ZM12 10v4.5M12 17v.2",
  chart: "M4 20V4M4 20h16M8.5 16v-4M13 16V8M17.5 16v-6",
  check: "m5 12.5 4.5 4.5L19 7.5",
  close: "m6 6 12 12M18 6 6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "m6 9.5 6 6 6-6",
  download: "M12 4v11M7.5 10.5 12 15l4.5-4.5M5 20h14",
  edit: "M4.5 19.5 5.5 15 15.7 4.8l3.5 3.5L9 18.5ZM13.5 7l3.5 3.5",
  help: "M9 9.2a3 3 0 1 1 4.6 2.5c-1 .7-1.6 1.2-1.6 2.5M12 17.4v.2M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18",
  key: "M8 12.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M10.5 13.5 19.5 4.5M16 8l2.5 2.5",
  left: "m14.5 6-6 6 6 6",
  menu: "M4 7h16M4 12h16M4 17h10",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  plus: "M12 5v14M5 12h14",
  refresh: "M19 12a7 7 0 1 1-2.2-5.1M17.5 3v4.5H13",
  right: "m9.5 6 6 6-6 6",
  send: "M12 19V5M6 11l6-6 6 6",
  sliders: "M4 8h9M17 8h3M4 16h3M11 16h9M15 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4M9 14a2 2 0 1 1 0 4 2 2 0 0 1 0-4",
  stop: "M7 7h10v10H7z",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  theme: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18M12 3v18M12 8l6-3M12 13l8.5-4M12 18l8-4",
  trash: "M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5",
  upload: "M12 15V4M7.5 8.5 12 4l4.5 4.5M5 20h14",
};

/** A decorative icon; the control around it carries the name. */
export function icon(name) {
  const svg = svgElement("svg", { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" });
  svg.append(svgElement("path", { d: ICONS[name] }));
  return svg;
}

/** Makes an SVG element. */
export function svgElement(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  return element;
}

/** Puts its icon into every element of the page that asks for one with `data-icon`. */
export function placeIcons(root) {
  for (const element of root.querySelectorAll("[data-icon]")) {
    element.prepend(icon(element.dataset.icon));
  }
}
