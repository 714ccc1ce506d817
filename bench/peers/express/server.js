// express-session on its stores, with the routes that every server of the benchmark has.
const express = require("express");
const session = require("express-session");
const standard = require("./session.json");

const SECRET = "a secret key for the benchmark, of fifty letters and more";
const TWO_WEEKS = 14 * 24 * 3600 * 1000;

async function sessions(variant) {
  if (variant === "cookies") {
    return require("cookie-session")({ name: "session", keys: [SECRET], maxAge: TWO_WEEKS });
  }
  const options = {
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: TWO_WEEKS },
  };
  if (variant === "redis") {
    const { RedisStore } = require("connect-redis");
    const client = require("redis").createClient({ url: process.env.BENCH_STORE });
    await client.connect();
    options.store = new RedisStore({ client });
  } else if (variant !== "memory") {
    throw new Error(`there is no store ${variant}`);
  }
  return session(options);
}

// Letters that no compression makes much smaller; the same for all servers.
function padding(length) {
  let seed = 1;
  let letters = "";
  for (let place = 0; place < length; place += 1) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    letters += String.fromCharCode(97 + ((seed >>> 16) % 26));
  }
  return letters;
}

async function main() {
  const app = express();
  app.get("/bare", (request, response) => response.send("ok"));
  app.use(await sessions(process.argv[2]));
  app.get("/untouched", (request, response) => response.send("ok"));
  app.get("/read", (request, response) => response.send(request.session.name ?? ""));
  app.get("/write", (request, response) => {
    request.session.counter = (request.session.counter ?? 0) + 1;
    response.send(String(request.session.counter));
  });
  app.get("/counter", (request, response) => response.send(String(request.session.counter ?? 0)));
  app.get("/new", (request, response) => {
    Object.assign(request.session, structuredClone(standard));
    const missing = Number(request.query.bytes ?? 0) - JSON.stringify(standard).length;
    if (missing > 0) {
      request.session.padding = padding(Math.max(0, missing - 13));
    }
    response.send("ok");
  });
  app.listen(Number(process.env.BENCH_PORT), "127.0.0.1");
}

main();
