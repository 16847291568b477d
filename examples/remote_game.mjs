// A game in JavaScript that is trained in from Python: one page, Node's own modules alone.
//
//     python -m puffer_arena train remote:127.0.0.1:4500 --num-envs 4
//     node examples/remote_game.mjs 4500 4
//
// The messages are in puffer_arena/wire/protocol.json, part "game".  Write Game anew and leave the rest.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { connect as connectEncrypted } from "node:tls";

class Game {
  // Stand on a line of 11 places and reach the flag.
  static about = {
    protocol: 1,
    name: "line",
    observation: { type: "box", shape: [2], dtype: "float32", low: 0, high: 10 },
    action: { type: "discrete", n: 2 },
    counters: ["reached"],
  };

  reset(seed) {
    this.place = Number(seed % 11n);
    this.flag = (this.place + 1 + Number((seed / 11n) % 10n)) % 11;
    this.steps = 0;
  }

  step(action) {
    this.place = Math.min(Math.max(this.place + (action ? 1 : -1), 0), 10);
    this.steps += 1;
    const reached = this.place === this.flag;
    return { reward: reached ? 1 : -0.1, terminated: reached, truncated: this.steps >= 30, counters: [Number(reached)] };
  }

  observe() {
    return Buffer.from(new Float32Array([this.place, this.flag]).buffer); // little-endian on all that runs Node
  }
}

function serve(game, port, host = "127.0.0.1", key = "", certificate = "") {
  // Register again whenever the trainer has gone, or is not there yet; encrypted where its certificate is given.
  const again = () => setTimeout(() => serve(game, port, host, key, certificate), 1000);
  const encrypted = certificate && { ca: readFileSync(certificate) };
  const socket = (encrypted ? connectEncrypted : connect)({ port, host, ...encrypted }).setNoDelay(true);
  let came = Buffer.alloc(0);
  let greeted = false;
  const send = (...parts) => {
    const body = Buffer.concat(parts);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.length);
    socket.write(Buffer.concat([length, body]));
  };
  const answer = (message) => {
    if (!greeted) {
      greeted = true;
      const { nonce } = JSON.parse(message);
      if (nonce) send(Buffer.from(createHmac("sha256", key).update(nonce).digest("hex")));
      send(Buffer.from(JSON.stringify(Game.about)));
    } else if (message[0] === 1) { // a new episode, by its seed
      game.reset(message.readBigUInt64LE(8));
      send(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), game.observe());
    } else { // a step; a discrete action is one int64
      const { reward, terminated, truncated, counters } = game.step(Number(message.readBigInt64LE(8)));
      const flags = (terminated ? 1 : 0) | (truncated ? 2 : 0);
      const numbers = Buffer.from(new Float64Array([reward, ...counters]).buffer);
      send(Buffer.from([2, flags, 0, 0, 0, 0, 0, 0]), numbers, game.observe());
    }
  };
  socket.on("error", () => {});
  socket.on("close", again);
  socket.on("data", (data) => {
    came = Buffer.concat([came, data]);
    while (came.length >= 4 && came.length >= 4 + came.readUInt32LE(0)) {
      const end = 4 + came.readUInt32LE(0);
      answer(came.subarray(4, end));
      came = came.subarray(end);
    }
  });
}

const [port, count = "1"] = process.argv.slice(2);
if (!/^\d+$/.test(port ?? "")) {
  console.error("usage: node examples/remote_game.mjs PORT [GAMES]");
  process.exit(1);
}
const { PUFFER_ARENA_KEY: key, PUFFER_ARENA_TLS_CERT: certificate } = process.env;
for (let k = 0; k < Number(count); k += 1) serve(new Game(), Number(port), "127.0.0.1", key, certificate);
