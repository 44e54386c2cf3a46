// The form with the parameters: shows the settings, checks what is typed, hands on every change.

import { byId, make } from "./dom.js";
import { DEFAULTS, RANGES, problemOf } from "./settings.js";

const SLIDER_REST = { temperature: 1, top_p: 1 };

export class ParametersPanel {
  #settings;
  #onChange;
  #form = byId("parameter-form");
  #rest = { ...SLIDER_REST };

  /** @param settings changed in place
   *  @param onChange called after each change */
  constructor(settings, onChange) {
    this.#settings = settings;
    this.#onChange = onChange;
    for (const name of Object.keys(DEFAULTS)) {
      this.#field(name).addEventListener("input", () => this.#changed(name));
    }
    for (const slider of this.#form.querySelectorAll("input[type=range]")) {
      slider.addEventListener("input", () => {
        this.#field(slider.dataset.for).value = slider.value;
        this.#changed(slider.dataset.for);
      });
    }
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    byId("reset-parameters").addEventListener("click", () => {
      Object.assign(this.#settings, DEFAULTS);
      this.#show();
      this.#onChange();
    });
    this.#show();
  }

  /** Offers the models that the server has; with one there is nothing to choose. */
  setModels(models) {
    const select = this.#field("model");
    select.replaceChildren(...models.map(({ id }) => make("option", { value: id }, id)));
    byId("model-field").hidden = models.length < 2;
    if (!models.some(({ id }) => id === this.#settings.model)) {
      this.#settings.model = "";
    }
    select.value = this.#settings.model || (models[0]?.id ?? "");
  }

  /** Shows in empty fields what the server takes instead. */
  setDefaults(sampling) {
    for (const name of ["temperature", "top_p", "top_k"]) {
      const value = sampling?.[name];
      this.#rest[name] = value ?? SLIDER_REST[name];
      // A top-k of 0 keeps every token.
      this.#field(name).placeholder = value === undefined ? "auto" : name === "top_k" && value === 0 ? "all" : String(value);
      this.#placeSlider(name);
    }
  }

  #field(name) {
    return this.#form.elements[name];
  }

  #changed(name) {
    const field = this.#field(name);
    // A number field that holds something unreadable reports an empty value.
    const unreadable = field.validity?.badInput;
    this.#settings[name] = field.type === "checkbox" ? field.checked : field.value;
    this.#showProblem(name, unreadable ? "A number, please." : problemOf(name, field.value));
    this.#placeSlider(name);
    this.#onChange();
  }

  #show() {
    for (const name of Object.keys(DEFAULTS)) {
      const field = this.#field(name);
      if (field.type === "checkbox") {
        field.checked = this.#settings[name];
      } else if (name !== "model") {
        field.value = this.#settings[name];
      }
      this.#showProblem(name, problemOf(name, this.#settings[name]));
      this.#placeSlider(name);
    }
  }

  #placeSlider(name) {
    const slider = this.#form.querySelector(`input[data-for="${name}"]`);
    if (slider && RANGES[name]) {
      const set = this.#settings[name] !== "";
      slider.value = set ? this.#settings[name] : this.#rest[name];
      slider.classList.toggle("unset", !set);
    }
  }

  #showProblem(name, sentence) {
    const field = this.#field(name);
    const id = `${name}-problem`;
    document.getElementById(id)?.remove();
    field.toggleAttribute("aria-invalid", false);
    field.removeAttribute("aria-describedby");
    if (sentence) {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", id);
      field.closest(".field").append(make("p", { class: "problem", id, role: "alert" }, sentence));
    }
  }
}
