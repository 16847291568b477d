// Plays a replay that puffer_arena wrote: canvas calls of every frame, or a video, over one timeline.
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const board = document.getElementById("board"), video = document.getElementById("video");
const line = document.getElementById("line"), told = document.getElementById("told");
const button = document.getElementById("play"), speeds = document.getElementById("speed");
let step = 0, playing = false, before = 0, due = 0;

function fit(view, width, height) {
  const scale = Math.min(width / view.width, height / view.height);
  return {scale, x: (width - view.width * scale) / 2, y: (height - view.height * scale) / 2, view};
}

function drawFrame(context, calls, width, height) {
  let place = fit({width, height, left: 0, low: 0, up: false}, width, height), view = place.view;
  const px = x => place.x + (x - view.left) * place.scale;
  const py = y => place.y + (view.up ? view.low + view.height - y : y - view.low) * place.scale;
  const paint = {
    view(given) {
      view = given;
      place = fit(view, width, height);
      context.beginPath();
      if (view.bleed) context.rect(0, 0, width, height);
      else context.rect(place.x, place.y, view.width * place.scale, view.height * place.scale);
      context.clip();
    },
    rect(given) {
      context.beginPath();
      const top = view.up ? py(given.y + given.height) : py(given.y);
      const corner = Math.min(given.radius, given.width / 2, given.height / 2) * place.scale;
      context.roundRect(px(given.x), top, given.width * place.scale, given.height * place.scale, Math.max(corner, 0));
      context.fill();
    },
    circle(given) {
      context.beginPath();
      context.arc(px(given.x), py(given.y), Math.max(given.radius * place.scale, 0), 0, 7);
      context.fill();
    },
    ring(given) {
      context.beginPath();
      context.lineWidth = Math.max(given.width * place.scale, 1);
      context.arc(px(given.x), py(given.y), Math.max(given.radius * place.scale, 0), 0, 7);
      context.stroke();
    },
    line(given) {
      context.beginPath();
      context.lineWidth = Math.max(given.width * place.scale, 1);
      context.lineCap = context.lineJoin = "round";
      given.points.forEach(([x, y], k) => (k ? context.lineTo(px(x), py(y)) : context.moveTo(px(x), py(y))));
      context.stroke();
    },
    polygon(given) {
      context.beginPath();
      given.points.forEach(([x, y], k) => (k ? context.lineTo(px(x), py(y)) : context.moveTo(px(x), py(y))));
      context.closePath();
      context.fill();
    },
    text(given) {
      context.font = `${given.size * place.scale}px Inter, system-ui, sans-serif`;
      context.textAlign = given.anchor;
      context.textBaseline = "middle";
      context.fillText(given.text, px(given.x), py(given.y));
    },
    picture(given) {
      const top = view.up ? py(given.y + given.height) : py(given.y);
      context.imageSmoothingEnabled = false;
      const image = pictureOf(given.pixels);
      if (image.complete) context.drawImage(image, px(given.x), top, given.width * place.scale, given.height * place.scale);
    },
  };
  context.save();
  context.clearRect(0, 0, width, height);
  for (const [kind, given] of calls) {
    context.globalAlpha = given.alpha ?? 1;
    context.fillStyle = context.strokeStyle = DATA.colors[given.color] ?? "#fff";
    paint[kind](given);
  }
  context.restore();
}

const pictures = new Map();
function pictureOf(address) {
  if (!pictures.has(address)) {
    const image = new Image();
    image.onload = draw;
    image.src = address;
    pictures.set(address, image);
  }
  return pictures.get(address);
}

function callsAt(at) {  // frames hold only what differs from the one before, but for every 64th
  let calls = [];
  for (let k = at - (at % 64); k <= at; k += 1) {
    const frame = DATA.frames[k];
    calls = frame.whole ?? [...calls.slice(0, frame.length)];
    for (const [place, call] of frame.changed ?? []) calls[place] = call;
  }
  return calls.map(number => DATA.calls[number]);
}

function draw() {
  if (DATA.frames.length) {
    drawFrame(board.getContext("2d"), callsAt(step), board.width, board.height);
  } else if (!playing && Math.abs(video.currentTime - step / DATA.rate) > 0.5 / DATA.rate) {
    video.currentTime = step / DATA.rate;
  }
  const context = line.getContext("2d"), width = line.width, height = line.height, last = Math.max(DATA.count - 1, 1);
  context.clearRect(0, 0, width, height);
  context.fillStyle = DATA.colors.raised;
  context.fillRect(0, 6, width, 14);
  DATA.episodes.forEach((episode, k) => {
    const left = (width * episode.first) / last, right = (width * Math.min(episode.last, last)) / last;
    context.fillStyle = DATA.colors.accent;
    context.globalAlpha = k % 2 ? 0.35 : 0.6;
    context.fillRect(left, 6, Math.max(right - left - 1, 1), 14);
    context.globalAlpha = 1;
    context.fillStyle = DATA.colors[episode.color];
    if (episode.color) context.fillRect(right - 3, 6, 2, 14);
  });
  context.fillStyle = DATA.colors.lime;
  for (const event of DATA.events) context.fillRect((width * event.step) / last - 1, 23, 2, 5);
  context.fillStyle = DATA.colors.text;
  context.fillRect((width * step) / last - 1, 0, 2, height);
  const episode = DATA.episodes.findLast(one => one.first <= step);
  const result = episode && episode.color ? `${episode.words && ", " + episode.words}, return ${episode.score}` : "";
  const seconds = Math.floor(step / DATA.rate);
  told.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}  step ${DATA.first + step * DATA.stride}` +
    (episode ? `  episode ${DATA.episodes.indexOf(episode) + 1} of ${DATA.episodes.length}${result}` : "") + `  ${DATA.messages[step] ?? ""}`;
  button.textContent = playing ? "Pause" : "Play";
}

function seek(to) {
  step = Math.min(Math.max(Math.round(to), 0), DATA.count - 1);
  draw();
}

function toggle(on) {
  playing = on;
  if (playing && step === DATA.count - 1) step = 0;
  if (!DATA.frames.length) {
    video.playbackRate = Number(speeds.value);
    video.currentTime = step / DATA.rate;
    playing ? video.play() : video.pause();
  }
  draw();
}

function tick(now) {
  const passed = (now - before) / 1000;
  before = now;
  if (playing && DATA.frames.length) {
    due = Math.min(due + passed * DATA.rate * Number(speeds.value), DATA.count);
    if (due >= 1) {
      const count = Math.floor(due);
      due -= count;
      if (step + count >= DATA.count - 1) playing = false;
      seek(step + count);
    }
  } else if (playing) {
    if (video.ended) playing = false;
    seek(video.currentTime * DATA.rate);
  }
  requestAnimationFrame(tick);
}

const at = event => ((event.clientX - line.getBoundingClientRect().left) / line.clientWidth) * (DATA.count - 1);
line.addEventListener("pointerdown", event => { line.setPointerCapture(event.pointerId); toggle(false); seek(at(event)); });
line.addEventListener("pointermove", event => { if (event.buttons) seek(at(event)); });
button.addEventListener("click", () => toggle(!playing));
speeds.addEventListener("change", () => { video.playbackRate = Number(speeds.value); });
document.addEventListener("keydown", event => {
  const keys = {" ": () => toggle(!playing), ArrowRight: () => seek(step + 1), ArrowLeft: () => seek(step - 1), Home: () => seek(0), End: () => seek(DATA.count)};
  if (keys[event.key]) { event.preventDefault(); if (event.key !== " ") playing = false; keys[event.key](); }
});
line.width = Math.min(document.body.clientWidth || 640, 960);
draw();
requestAnimationFrame(tick);
