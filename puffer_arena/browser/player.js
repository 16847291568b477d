// Plays the games of this page: rows in WebAssembly's memory, stepped by the games' own compiled rules.
"use strict";
const GAMES = JSON.parse(document.getElementById("games").textContent);
const board = document.getElementById("board"), told = document.getElementById("told"), list = document.getElementById("list");
const about = document.getElementById("about"), sliders = document.getElementById("sliders"), pad = document.getElementById("pad");
const bot = document.getElementById("bot"), again = document.getElementById("again"), speed = document.getElementById("speed");
const brain = document.getElementById("brain");
const STEP = 0, BOT = 1, PAINT = 2, PILOT = 3, OVER_SECONDS = 0.9;
const NAMES = {ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", " ": "space", Shift: "shift", Enter: "return"};
const bytesOf = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const modules = new Map();
let game = null, held = new Set(), taps = [], before = 0, due = 0, over = 0, repeated = null;

// Memory for the lists and arrays of one call: records of six words of 8 bytes, the fourth of which points to the data.
const LENT = 1 << 20, lent = {};
function take(size, record = 0) {
  const view = new DataView(lent.memory.buffer), held = record || lent.next;
  const place = (record ? lent.next : lent.next + 48 + 15) & ~15;
  lent.next = (place + Number(size) + 15) & ~15;
  if (lent.next > lent.from + LENT) throw new Error("a drawing needs more memory than a page gives it");
  if (record) {
    const old = view.getUint32(record + 24, true), kept = Number(view.getBigInt64(record + 32, true));
    new Uint8Array(lent.memory.buffer).copyWithin(place, old, old + Math.min(kept, Number(size)));
  } else {
    new Uint8Array(lent.memory.buffer).fill(0, held, held + 48);
    view.setBigInt64(held, 1n, true);
  }
  view.setUint32(held + 24, place, true);
  view.setBigInt64(held + 32, BigInt(size), true);
  return record ? place : held;
}
function multiply(to, ...words) {  // two numbers of 128 bits, low words first
  const [a, b, c, d] = words.map(word => BigInt.asUintN(64, word)), view = new DataView(lent.memory.buffer);
  const product = ((b << 64n) | a) * ((d << 64n) | c);
  view.setBigUint64(to, BigInt.asUintN(64, product), true);
  view.setBigUint64(to + 8, BigInt.asUintN(64, product >> 64n), true);
}
function lend(name) {
  return {
    NRT_MemInfo_new_varsize_dtor: size => take(size),
    NRT_MemInfo_alloc_aligned: size => take(size),
    NRT_MemInfo_alloc_safe_aligned: size => take(size),
    NRT_MemInfo_varsize_realloc: (record, size) => take(size, record),
  }[name];
}

async function load(name) {
  const data = GAMES[name];
  if (!modules.has(name)) modules.set(name, WebAssembly.compile(bytesOf(data.code)));
  const module = await modules.get(name), env = {fmod: (x, y) => x % y, __multi3: multiply};
  for (const {name: needed} of WebAssembly.Module.imports(module)) env[needed] ??= Math[needed] ?? lend(needed);
  const {exports} = await WebAssembly.instantiate(module, {env});
  const scratch = (exports.__heap_base.value + 63) & ~63, base = scratch + 64, need = base + data.size + LENT;
  const missing = need - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(Math.ceil(missing / 65536));
  new Uint8Array(exports.memory.buffer).set(bytesOf(data.start), base);
  exports.begin?.(BigInt(base));  // bodies have a scene to be made
  lent.from = base + data.size;
  lent.memory = exports.memory;
  const view = new DataView(exports.memory.buffer);
  game = {
    name, data, view,
    run(task) {
      lent.next = lent.from;
      const fault = exports.run(scratch, scratch + 8, BigInt(base), BigInt(task));
      if (fault) throw new Error(`${name}: its rules end with status ${fault}`);
      if (data.fault && view.getInt32(base + data.fault, true)) {  // a body was lost: another scene takes over
        view.setInt32(base + data.fault, 0, true);
        exports.begin(BigInt(base));
      }
    },
    at: place => base + place,
    picture: new Uint8Array(exports.memory.buffer, base + data.places.picture, data.side * data.side * 3),
    image: new ImageData(data.side, data.side),
    layers: data.learned && cutLayers(data.learned),
  };
  board.width = board.height = data.side;
  over = 0; taps = []; held.clear(); repeated = [...data.idle];
  begin();
  show();
}

const TYPES = {f8: "Float64", f4: "Float32", i8: "BigInt64", u8: "BigUint64", i4: "Int32", u4: "Uint32", i2: "Int16", i1: "Int8", u1: "Uint8", b1: "Uint8"};
function read(place, kind) {
  return Number(game.view[`get${TYPES[kind]}`](game.at(place), true));
}
function put(place, kind, value) {
  game.view[`set${TYPES[kind]}`](game.at(place), kind === "i8" || kind === "u8" ? BigInt(Math.trunc(value)) : value, true);
}

function begin() {  // a new episode, with random numbers of its own
  const [low, high] = crypto.getRandomValues(new Uint32Array(2)), {header} = game.data;
  game.view.setBigInt64(game.at(header.row_key), (BigInt(high & 0x7fffffff) << 32n) | BigInt(low), true);
  game.view.setBigInt64(game.at(header.episode), 0n, true);
  game.view.setInt32(game.at(header.ended), 1, true);
  game.run(STEP);
}

const acts = () => read(game.data.places["out.acting"], "b1") === 1;

function mine() {  // what the person does: every key held or tapped sets its component
  const {keys, idle, single} = game.data;
  const names = single ? (taps.length ? [taps.shift()] : [...held].slice(-1)) : [...new Set([...held, ...taps])];
  if (!single) taps = [];
  if (!names.length && game.data.repeats) return repeated;
  const action = [...idle];
  for (const name of names) {
    const [component, value] = keys[name];
    action[component] = value;
  }
  return (repeated = action);
}

// A trained bot: one array of codes or numbers through layers of ReLUs; docs/bots.md has the same in Python.
function cutLayers({weights, size, codes, widths}) {
  const all = new Float32Array(bytesOf(weights).buffer);
  let at = 0, rows = codes ? size * codes : size;
  const take = count => all.subarray(at, at += count);
  return widths.map(width => { const layer = {weight: take(rows * width), bias: take(width)}; rows = width; return layer; });
}

function think(agent) {  // what it holds of each choice, or each number
  const {obs, kind, size, codes, outputs} = game.data.learned, from = obs + agent * size * (kind === "f4" ? 4 : 1);
  let seen = [];  // rows of the layer's matrix, and by how much each counts
  for (let k = 0; k < size; k += 1) {
    const value = read(from + k * (kind === "f4" ? 4 : 1), kind);
    if (value) seen.push(codes ? [k * codes + value - 1, 1] : [k, value]);
  }
  let sums = [];
  for (const {weight, bias} of game.layers) {
    sums = Float64Array.from(bias);
    for (const [row, value] of seen) for (let j = 0; j < bias.length; j += 1) sums[j] += value * weight[row * bias.length + j];
    seen = [...sums.entries()].filter(([, value]) => value > 0);
  }
  return sums.subarray(0, outputs);
}

function draw(held, mask) {  // a choice, as likely as it holds it
  const open = [...held.keys()].filter(k => mask(k)), best = Math.max(...open.map(k => held[k]));
  let left = Math.random() * open.reduce((sum, k) => sum + Math.exp(held[k] - best), 0);
  return open.find(k => (left -= Math.exp(held[k] - best)) < 0) ?? open.at(-1);
}

function decide(held, mask) {  // an action: a choice for each part, or numbers around what is held
  const {parts, box} = game.data.learned;
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  if (box.length) {
    const [deviation, reach, middle, low, high] = box;
    return deviation.map((spread, k) => Math.min(Math.max((held[k] + spread * normal()) * reach[k] + middle[k], low[k]), high[k]));
  }
  let end = 0;
  return parts.map(size => { const first = end; end += size; return draw(held.subarray(first, end), k => mask(first + k)); });
}

function letTrainedAct() {
  const {data} = game, {agents, outputs} = data.learned;
  for (let agent = 0; agent < agents; agent += 1) {
    if (!read(data.places["out.acting"] + agent, "b1")) continue;
    const mask = k => !data.choices || read(data.places["out.action_mask"] + agent * outputs + k, "b1");
    const place = data.places.actions + agent * data.numbers * data.width;
    decide(think(agent), mask).forEach((value, k) => put(place + k * data.width, data.kind, value));
  }
}

function act() {
  const {data} = game, place = data.places.actions;
  if (data.learned && brain.value === "trained") letTrainedAct();
  else if (data.bot) game.run(BOT);
  if (bot.checked && brain.value) return;
  mine().forEach((value, k) => put(data.told.place + k * data.told.width, data.told.kind, value));
  if (data.pilot) game.run(PILOT);
  if (data.discrete && data.choices) {
    const mask = k => read(data.places["out.action_mask"] + k, "b1");
    if (!mask(read(place, data.kind))) for (let k = data.choices - 1; k >= 0; k -= 1) if (mask(k)) put(place, data.kind, k);
  }
}

function advance() {
  const waits = game.data.waits && !(bot.checked && brain.value) && acts() && !taps.length;
  if (waits) return false;
  act();
  game.run(STEP);
  if (read(game.data.header.ended, "i4")) over = OVER_SECONDS;
  return true;
}

function show() {
  game.run(PAINT);
  const {data: pixels} = game.image, {picture} = game;
  for (let from = 0, to = 0; from < picture.length; from += 3, to += 4) {
    pixels[to] = picture[from]; pixels[to + 1] = picture[from + 1]; pixels[to + 2] = picture[from + 2]; pixels[to + 3] = 255;
  }
  board.getContext("2d").putImageData(game.image, 0, 0);
  const counted = game.data.counters.map(one => `${one.name.replaceAll("_", " ")} ${+read(one.place, one.kind).toFixed(1)}`);
  const gained = +read(game.data.header.episode_return, "f8").toFixed(2);
  told.textContent = [`${over ? "over: " : ""}return ${gained}`, ...counted, `step ${read(game.data.header.step_count, "i4")}`].join(" · ");
}

function tick(now) {
  requestAnimationFrame(tick);
  const passed = Math.min((now - before) / 1000, 0.25);
  before = now;
  if (!game) return;
  if (over > 0) {
    over -= passed * Number(speed.value);
    if (over <= 0) { over = 0; taps = []; repeated = [...game.data.idle]; game.run(STEP); show(); }
    return;
  }
  due = Math.min(due + passed * game.data.rate * Number(speed.value), 60);
  let moved = false;
  while (due >= 1 && !over) { due -= 1; moved = advance() || moved; }
  if (game.data.waits && taps.length && !over) moved = advance() || moved;
  if (moved) show();
}

function press(name, down) {
  if (!game || !(name in game.data.keys)) return false;
  if (down && !held.has(name)) { held.add(name); if (taps.length < 4) taps.push(name); bot.checked = false; }
  if (!down) held.delete(name);
  return true;
}

function keyName(event) {
  const name = NAMES[event.key] ?? event.key.toLowerCase(), arrows = {w: "up", a: "left", s: "down", d: "right"};
  return game && !(name in game.data.keys) && arrows[name] in game.data.keys ? arrows[name] : name;
}
addEventListener("keydown", event => { if (press(keyName(event), true)) event.preventDefault(); });
addEventListener("keyup", event => press(keyName(event), false));
addEventListener("blur", () => { held.clear(); taps = []; });
again.addEventListener("click", () => { over = 0; begin(); show(); board.focus(); });

function choose(name) {
  const data = GAMES[name];
  location.hash = name;
  document.querySelectorAll("#list button").forEach(one => one.setAttribute("aria-pressed", one.textContent === name));
  about.textContent = data.about;
  brain.replaceChildren(...[data.bot, data.learned && "trained"].filter(Boolean).map(name => new Option(name)));
  brain.value = data.learned ? "trained" : data.bot;
  bot.disabled = !brain.value;
  pad.replaceChildren(...Object.keys(data.keys).map(key => {
    const button = document.createElement("button");
    button.textContent = {left: "←", right: "→", up: "↑", down: "↓"}[key] ?? key;
    button.addEventListener("pointerdown", event => { event.preventDefault(); press(key, true); });
    for (const end of ["pointerup", "pointerleave"]) button.addEventListener(end, () => press(key, false));
    return button;
  }));
  sliders.replaceChildren(...data.parameters.map(one => {
    const label = document.createElement("label"), input = document.createElement("input"), shown = document.createElement("output");
    Object.assign(input, {type: "range", min: one.low, max: one.high, step: one.step, value: one.value});
    shown.textContent = one.value;
    input.addEventListener("input", () => {
      shown.textContent = input.value;
      for (const place of one.places) put(place, one.kind, Number(input.value));
    });
    label.append(one.name.replaceAll("_", " "), input, shown);
    label.title = one.doc;
    return label;
  }));
  return load(name).catch(error => { told.textContent = `this browser cannot play it: ${error.message}`; });
}

list.replaceChildren(...Object.keys(GAMES).map(name => {
  const button = document.createElement("button");
  button.textContent = name;
  button.addEventListener("click", () => { button.blur(); bot.checked = Boolean(GAMES[name].bot || GAMES[name].learned); choose(name); });
  return button;
}));
bot.checked = true;
const wanted = decodeURIComponent(location.hash.slice(1));
choose(wanted in GAMES ? wanted : Object.keys(GAMES)[0]);
requestAnimationFrame(tick);
