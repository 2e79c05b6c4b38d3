"use strict";
(() => {
  const read = (id) => {
    const element = document.getElementById(id);
    return element === null ? null : JSON.parse(element.textContent);
  };
  const spec = read("spec");
  const byId = (id) => document.getElementById(id);
  const inputs = (name) => [...document.querySelectorAll(`input[name=${name}]`)];

  // Keeps metres as long across as along, however wide the window is.
  class Camera {
    constructor(map) {
      this.map = map;
      this.listeners = [];
      for (const side of ["inner_width", "inner_height"]) map.properties[side].change.connect(() => this.keep());
      map.x_range.properties.start.change.connect(() => this.listeners.forEach((listener) => listener()));
      this.fit(spec.box);
    }
    get size() {
      return [Math.max(this.map.inner_width || 0, 1), Math.max(this.map.inner_height || 0, 1)];
    }
    get metres() {
      return Math.abs(this.map.x_range.end - this.map.x_range.start) / this.size[0];
    }
    look(x, y, metres) {
      const [width, height] = this.size;
      this.at = [x, y, metres];
      this.map.y_range.setv({start: y - (height * metres) / 2, end: y + (height * metres) / 2});
      this.map.x_range.setv({start: x - (width * metres) / 2, end: x + (width * metres) / 2});
    }
    fit(box) {
      const [left, bottom, right, top] = box;
      const [width, height] = this.size;
      this.isFitted = true;
      this.look((left + right) / 2, (bottom + top) / 2, 1.04 * Math.max((right - left) / width, (top - bottom) / height));
      this.fitted = this.map.x_range.end - this.map.x_range.start;
    }
    keep() {
      const {x_range, y_range} = this.map;
      const untouched = this.isFitted && Math.abs(x_range.end - x_range.start - this.fitted) < 1e-6 * this.fitted;
      if (untouched) this.fit(spec.box);
      else this.look((x_range.start + x_range.end) / 2, (y_range.start + y_range.end) / 2, this.at[2]);
    }
    zoom(factor) {
      const {x_range, y_range} = this.map;
      this.look((x_range.start + x_range.end) / 2, (y_range.start + y_range.end) / 2, this.metres * factor);
    }
  }

  // Which of the map's parts are seen, by the page's buttons, the date and how close one is.
  class Parts {
    constructor(map, camera) {
      this.map = map;
      this.camera = camera;
      this.frame = spec.frames.length - 1;
      for (const input of [...inputs("picture"), ...inputs("layer")]) input.addEventListener("change", () => this.show());
      camera.listeners.push(() => this.show());
      this.show();
    }
    show() {
      const picture = inputs("picture").find((input) => input.checked)?.value ?? "";
      const layers = new Set(inputs("layer").filter((input) => input.checked).map((input) => input.value));
      const every = byId("every")?.checked ?? false;
      const isNear = this.camera.metres < 0.8 * spec.coarse_m;
      for (const renderer of this.map.renderers) {
        const [key, frame, level] = renderer.tags;
        const isPicture = renderer.glyph.type === "ImageURL";
        const isNow = frame < 0 || frame === this.frame || (every && !isPicture);
        const visible = isNow && (isPicture ? key === picture && (level === 0 || isNear) : layers.has(key));
        if (renderer.visible !== visible) renderer.visible = visible;
      }
      for (const legend of document.querySelectorAll("[data-picture]")) legend.hidden = legend.dataset.picture !== picture;
    }
  }

  function setUpDates(parts) {
    const slider = byId("date");
    if (slider === null) return;
    const rows = [...document.querySelectorAll("tr[data-frame]")];
    const go = (frame) => {
      parts.frame = Math.min(Math.max(frame, 0), spec.frames.length - 1);
      slider.value = parts.frame;
      byId("when").textContent = spec.frames[parts.frame];
      for (const row of rows) row.classList.toggle("now", Number(row.dataset.frame) === parts.frame);
      parts.show();
    };
    slider.addEventListener("input", () => go(Number(slider.value)));
    byId("earlier").addEventListener("click", () => go(parts.frame - 1));
    byId("later").addEventListener("click", () => go(parts.frame + 1));
    byId("every").addEventListener("change", () => parts.show());
    for (const row of rows) {
      row.addEventListener("click", () => go(Number(row.dataset.frame)));
      row.addEventListener("keydown", (event) => event.key === "Enter" && go(Number(row.dataset.frame)));
    }
    go(parts.frame);
  }

  // Longitude and latitude by the polynomials that were fitted where the projection is known.
  function toDegrees(x, y) {
    const {middle, scale, powers, lon, lat, places} = spec.degrees;
    const [u, v] = [(x - middle[0]) / scale, (y - middle[1]) / scale];
    if (Math.abs(u) > 1 || Math.abs(v) > 1) return "";
    const sum = (factors) => powers.reduce((total, [i, j], k) => total + factors[k] * u ** i * v ** j, 0);
    const east = ((((sum(lon) + 180) % 360) + 360) % 360) - 180;
    const north = sum(lat);
    const name = (value, positive, negative) => `${Math.abs(value).toFixed(places)}° ${value < 0 ? negative : positive}`;
    return `${name(north, "N", "S")}, ${name(east, "E", "W")}`;
  }

  function tellPlace(map) {
    const [x0, y0] = spec.origin;
    const place = byId("place");
    map.on_event("mousemove", ({x, y}) => {
      const metres = spec.crs === "" ? "" : `  ${Math.round(x + x0)} E ${Math.round(y + y0)} N (${spec.crs})`;
      place.textContent = toDegrees(x, y) + metres;
    });
    map.on_event("mouseleave", () => { place.textContent = ""; });
  }

  function setUpTransects(map, plot) {
    const {names, verdicts, days, position, sigma, rate} = spec.series;
    const models = [...plot.document._all_models.values()];
    const [points, fit] = ["plot points", "plot fit"].map((name) => models.find((model) => model.name === name));
    const which = byId("which");
    const show = (number) => {
      which.value = number;
      byId("verdict").textContent = verdicts[number];
      const known = days.map((_, i) => i).filter((i) => position[number][i] !== null);
      const t = known.map((i) => days[i] * 864e5);
      const y = known.map((i) => position[number][i]);
      const error = known.map((i) => sigma[number][i] ?? 0);
      points.data = {
        t, position: y, sigma: error,
        low: y.map((value, i) => value - error[i]), high: y.map((value, i) => value + error[i]),
        when: known.map((i) => new Date(days[i] * 864e5).toISOString().slice(0, 10)),
      };
      const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
      const line = rate[number] === null || t.length < 2 ? [] : [t[0], t[t.length - 1]];
      fit.data = {t: line, position: line.map((at) => mean(y) + ((at - mean(t)) / (365.25 * 864e5)) * rate[number])};
    };
    which.addEventListener("change", () => show(Number(which.value)));
    for (const source of map.document._all_models.values()) {
      if (!source.tags.includes("has series")) continue;
      source.selected.properties.indices.change.connect(() => {
        const [first] = source.selected.indices;
        if (first !== undefined) show(source.get("transect")[first]);
      });
    }
    const fastest = rate.reduce((best, value, i) => (Math.abs(value ?? 0) > Math.abs(rate[best] ?? 0) ? i : best), 0);
    show(names.length ? fastest : 0);
  }

  async function start() {
    byId("map").replaceChildren();
    const [view] = Object.values(await Bokeh.embed.embed_item(read("map-document")));
    const map = (view ?? {}).model ?? Bokeh.documents[0].roots()[0];
    const camera = new Camera(map);
    const parts = new Parts(map, camera);
    setUpDates(parts);
    tellPlace(map);
    byId("closer").addEventListener("click", () => camera.zoom(0.5));
    byId("farther").addEventListener("click", () => camera.zoom(2));
    byId("whole").addEventListener("click", () => camera.fit(spec.box));
    if (spec.series) {
      await Bokeh.embed.embed_item(read("plot-document"));
      setUpTransects(map, Bokeh.documents[Bokeh.documents.length - 1].roots()[0]);
    }
    document.body.dataset.ready = "yes";
  }
  start();
})();
