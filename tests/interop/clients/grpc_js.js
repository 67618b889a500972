// gRPC for Node: `node grpc_js.js HOST:PORT`. The cases are those of conversation.py.
'use strict';
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');

const SMALL = 900, LARGE = 600000, LIMIT = 1 << 20, MANY = 50, LATE_MS = 200;

function channelTo(address) {
  const folder = process.env.INTEROP_TLS;
  if (!folder) return new grpc.Client(address, grpc.credentials.createInsecure());
  const file = (name) => fs.readFileSync(path.join(folder, name));
  const shown = grpc.credentials.createSsl(file('ca.crt'), file('till.key'), file('till.crt'));
  return new grpc.Client(address, shown, {'grpc.ssl_target_name_override': 'localhost'});
}

const client = channelTo(process.argv[2]);
const same = (bytes) => bytes;
const body = (size, seed = 0) => Buffer.from(Uint8Array.from({length: size}, (_, i) => (i * 7 + seed) % 251));

function call(name, request, {metadata = new grpc.Metadata(), timeoutMs = 10000, onCall = () => {}} = {}) {
  const method = name.startsWith('/') ? name : '/test.Service/' + name;
  return new Promise((done) => {
    const options = {deadline: Date.now() + timeoutMs};
    onCall(client.makeUnaryRequest(method, same, same, request, metadata, options, (error, reply) => done({error, reply})));
  });
}

async function whole(name, size, seed = 0) {
  const {error, reply} = await call(name, body(size, seed));
  return error ? [error.code, error.details, ''] : [0, '', reply.equals(body(size, seed)) ? 'whole' : 'broken'];
}

function refusal({error, reply}, withText) {
  if (!error) return [0, '', reply.toString()];
  const [details] = error.metadata.get('grpc-status-details-bin');
  return [error.code, withText ? error.details : '', details && details.includes('OUT_OF_RANGE') ? 'OUT_OF_RANGE' : ''];
}

async function converse() {
  const said = {};
  said.empty = await whole('Echo', 0);
  said.small = await whole('Echo', SMALL);
  said.large = await whole('Echo', LARGE);
  said.later = await whole('Later', SMALL);
  const all = await Promise.all(Array.from({length: MANY}, (_, seed) => whole('Later', SMALL, seed)));
  said.many = all.find((one) => one[2] !== 'whole') || all[0];
  const metadata = new grpc.Metadata();
  metadata.set('authorization', 'Bearer r7');
  metadata.set('trace-bin', body(40));
  said.who = [0, '', (await call('Who', body(0), {metadata})).reply.toString()];
  const asked = Buffer.concat([Buffer.from([0x0a, 0x0c]), Buffer.from('test.Service')]);
  const healthy = (await call('/grpc.health.v1.Health/Check', asked)).reply;
  said.health = [0, '', healthy.equals(Buffer.from([8, 1])) ? 'SERVING' : healthy.toString('hex')];
  said.refused = refusal(await call('Refuse', body(0)), true);
  said.unknown = refusal(await call('Nothing', body(0)), true);
  said.late = refusal(await call('Never', body(0), {timeoutMs: LATE_MS}), false);
  said.left = refusal(await call('Never', body(0), {onCall: (one) => setTimeout(() => one.cancel(), 50)}), false);
  said.too_large = refusal(await call('Echo', body(LIMIT + 1)), false);
  said.after_all = await whole('Echo', SMALL);
  return said;
}

converse().then((said) => {
  console.log(JSON.stringify(said));
  client.close();
});
