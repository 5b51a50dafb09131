// dockerode: callbacks, promises and raw streams of Node.js.
'use strict';
const assert = require('node:assert/strict');
const { PassThrough } = require('node:stream');
const test = require('node:test');
const Docker = require(process.env.DOCKERODE);

const docker = new Docker({ socketPath: process.env.DOCKER_HOST.slice('unix://'.length) });
const quiet = { NetworkMode: 'none' };

async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function withBox(options, body) {
  const box = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: quiet, ...options });
  try {
    await box.start();
    await body(box);
  } finally {
    await box.remove({ force: true, v: true });
  }
}

function demuxed(stream) {
  const out = new PassThrough();
  const err = new PassThrough();
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => { out.end(); err.end(); });
  return Promise.all([collected(out), collected(err)]).then((both) => both.map(String));
}

test('run gives output and exit code', async () => {
  const out = new PassThrough();
  const text = collected(out);
  const [result, container] = await docker.run('busybox', ['sh', '-c', 'echo hello; exit 3'], out, { Tty: true });
  out.end();
  assert.equal(result.StatusCode, 3);
  assert.equal(String(await text), 'hello\r\n');
  await container.remove();
});

test('attach takes input and separates output', async () => {
  const container = await docker.createContainer({
    Image: 'busybox', Cmd: ['sh', '-c', 'cat; echo wrong >&2'], HostConfig: quiet,
    OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
  });
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const output = demuxed(stream);
  await container.start();
  stream.end('to and fro');
  assert.deepEqual(await output, ['to and fro', 'wrong\n']);
  assert.equal((await container.wait()).StatusCode, 0);
  const logs = await container.logs({ stdout: true, stderr: true });
  assert.ok(logs.includes('to and fro') && logs.includes('wrong'));
  await container.remove();
});

test('exec', () => withBox({}, async (box) => {
  const exec = await box.exec({ Cmd: ['sh', '-c', 'read x; echo $x $A; exit 5'], Env: ['A=b'], AttachStdin: true, AttachStdout: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  const output = demuxed(stream);
  stream.write('word\n');
  assert.deepEqual(await output, ['word b\n', '']);
  assert.equal((await exec.inspect()).ExitCode, 5);
}));

test('archives, changes and images', () => withBox({}, async (box) => {
  const made = await box.exec({ Cmd: ['sh', '-c', 'echo content > /new'], AttachStdout: true });
  await collected(await made.start({}));
  const changes = await box.changes();
  assert.ok(changes.some((item) => item.Path === '/new' && item.Kind === 1));
  const archive = await collected(await box.getArchive({ path: '/new' }));
  assert.ok(archive.includes('content'));
  await collected(await box.putArchive(archive, { path: '/tmp' }));
  assert.ok((await collected(await box.getArchive({ path: '/tmp/new' }))).includes('content'));
  const { Id } = await box.commit({ repo: 'ode-commit', tag: '1', comment: 'made here' });
  const image = docker.getImage('ode-commit:1');
  assert.equal((await image.inspect()).Id, Id);
  await image.tag({ repo: 'ode-other', tag: '2' });
  const saved = await collected(await docker.getImage('ode-other:2').get());
  await docker.getImage('ode-other:2').remove();
  const progress = await docker.loadImage(saved);
  const items = await new Promise((resolve, reject) =>
    docker.modem.followProgress(progress, (error, all) => (error ? reject(error) : resolve(all))));
  assert.equal(items.at(-1).stream, 'Loaded image: ode-other:2\n');
  await docker.getImage(Id).remove({ force: true });
}));

test('lists, filters and states', () => withBox({ name: 'ode-box', Labels: { ode: '1' } }, async (box) => {
  const found = await docker.listContainers({ filters: { label: ['ode=1'], status: ['running'] } });
  assert.deepEqual(found.map((item) => item.Names), [['/ode-box']]);
  assert.deepEqual(await docker.listContainers({ filters: '{"label":{"ode=2":true}}' }), []);
  await box.pause();
  assert.equal((await box.inspect()).State.Status, 'paused');
  await box.unpause();
  await box.update({ Memory: 32 << 20, MemorySwap: 32 << 20 });
  await box.rename({ name: 'ode-renamed' });
  const seen = await box.inspect();
  assert.equal(seen.HostConfig.Memory, 32 << 20);
  assert.equal(seen.Name, '/ode-renamed');
  assert.equal((await box.top()).Processes.length, 1);
  assert.ok((await box.stats({ stream: false })).memory_stats.usage > 0);
  await box.kill();
  assert.equal((await box.inspect()).State.ExitCode, 137);
}));

test('errors', async () => {
  const refused = (promise, statusCode, text) =>
    assert.rejects(promise, (error) => error.statusCode === statusCode && error.json.message.includes(text));
  await refused(docker.getContainer('nobody').inspect(), 404, 'No such container: nobody');
  await refused(docker.createContainer({ Image: 'nothing' }), 404, 'No such image: nothing:latest');
  await refused(docker.getVolume('nowhere').inspect(), 404, 'no such volume');
  await refused(docker.createContainer({ Image: 'busybox', name: '?' }), 400, 'Invalid container name');
  await refused(docker.listContainers({ filters: { nosuch: ['x'] } }), 400, 'nosuch');
});

test('events', async () => {
  const stream = await docker.getEvents({ filters: { type: ['container'], label: ['ode-events'] } });
  const actions = [];
  const done = new Promise((resolve) => {
    stream.on('data', (chunk) => {
      for (const line of String(chunk).split('\n').filter(Boolean)) {
        actions.push(JSON.parse(line).Action);
        if (actions.at(-1) === 'destroy') resolve();
      }
    });
  });
  const container = await docker.createContainer({ Image: 'busybox', Cmd: ['true'], HostConfig: quiet, Labels: { 'ode-events': '' } });
  await container.start();
  await container.wait();
  await container.remove();
  await done;
  stream.destroy();
  assert.deepEqual(actions, ['create', 'start', 'die', 'destroy']);
});

test('volumes and the engine itself', async () => {
  const volume = await docker.createVolume({ Name: 'ode-volume', Labels: { a: 'b' } });
  assert.deepEqual((await docker.getVolume('ode-volume').inspect()).Labels, { a: 'b' });
  assert.equal((await docker.listVolumes({ filters: { label: ['a=b'] } })).Volumes.length, 1);
  await docker.getVolume(volume.name ?? volume.Name).remove();
  assert.equal(String(await docker.ping()), 'OK');
  assert.ok((await docker.version()).ApiVersion);
  assert.equal((await docker.info()).OSType, 'linux');
  assert.ok((await docker.df()).Images.length > 0);
  assert.deepEqual(await docker.listPlugins(), []);
});
