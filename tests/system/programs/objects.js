const crypto = require("crypto"), zlib = require("zlib"), child = require("child_process");
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
function work(seed) {
  let state = seed;
  const rnd = (n) => ((state = (state * 1103515245 + 12345) % 2147483648), Math.floor(state / 65536) % n);
  const count = new Map();
  for (let i = 0; i < 50000; ++i) { const word = "w" + rnd(3000); count.set(word, (count.get(word) || 0) + 1); }
  const text = JSON.stringify([...count].sort());
  const packed = zlib.gzipSync(Buffer.from(text.repeat(10)));
  return [seed, count.size, crypto.createHash("sha256").update(zlib.gunzipSync(packed)).digest("hex")];
}
if (!isMainThread) { parentPort.postMessage(work(workerData)); } else {
  console.log(work(1));
  console.log(child.execFileSync("echo", ["from a child"]).toString());
  Promise.all([2, 3].map((seed) => new Promise((done) => new Worker(__filename, { workerData: seed }).on("message", done))))
    .then((all) => console.log(all)).then(() => console.error("to standard error"));
}
