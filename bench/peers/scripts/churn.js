// JSON, Map, Buffer and strings; Buffers and the engine's own structures are what reaches malloc.
'use strict';
const crypto = require('crypto');

const rounds = Number(process.argv[2]);
const digest = crypto.createHash('sha256');
for (let turn = 0; turn < rounds; turn++) {
  const map = new Map();
  for (let i = 0; i < 15000; i++) {
    const n = (i * 7919 + turn * 104729) % 1000003;
    map.set('key' + n, {id: n, name: 'user-' + n, tags: ['a' + (n % 7), 'b' + (n % 11)]});
  }
  const text = JSON.stringify([...map.entries()]);
  const again = new Map(JSON.parse(text));
  const buffers = [];
  for (const [key, value] of again) {
    const buffer = Buffer.alloc(16 + value.id % 9000);
    buffer.write(key + value.name);
    if (buffers.length > 500) buffers[value.id % 500] = buffer;
    else buffers.push(buffer);
  }
  digest.update(text);
  for (const buffer of buffers) digest.update(buffer.subarray(0, 32));
}
console.log(digest.digest('hex'));
