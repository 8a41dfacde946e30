import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadKubeconfig } from '../../../src/adapters/kubernetes/kubeconfig.ts';
import { UsageError } from '../../../src/domain/errors.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
after(() => rm(folder, { recursive: true }));

function yaml(names: readonly string[], current: string, cluster = '{server: "https://SERVER"}'): string {
  const entries = (key: string, value: string) =>
    names
      .map((name) => `- {name: ${name}, ${key}: ${value.replace('SERVER', `${name}.example.org`)}}`)
      .join('\n');
  return [
    `current-context: "${current}"`,
    `clusters:\n${entries('cluster', cluster)}`,
    `users:\n${entries('user', '{token: s3cret}')}`,
    `contexts:\n${names.map((name) => `- {name: ${name}, context: {cluster: ${name}, user: ${name}}}`).join('\n')}`,
  ].join('\n');
}

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function load(options: { kubeconfig?: string; context?: string; environment?: Record<string, string> }) {
  return loadKubeconfig({ environment: { HOME: folder }, ...options });
}

async function refused(options: Parameters<typeof load>[0], message: RegExp, next = /./): Promise<void> {
  await assert.rejects(load(options), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, message);
    assert.match(error.next, next);
    assert.doesNotMatch(`${error.message}${error.next}${error.cause}`, /s3cret/);
    return true;
  });
}

describe('a kubeconfig', () => {
  test('is read from the given path, with its current context', async () => {
    const config = await load({ kubeconfig: await file('given', yaml(['one', 'two'], 'two')) });
    assert.equal(config.getCurrentCluster()?.server, 'https://two.example.org');
  });

  test('is used with the chosen context', async () => {
    const config = await load({
      kubeconfig: await file('chosen', yaml(['one', 'two'], 'two')),
      context: 'one',
    });
    assert.equal(config.getCurrentCluster()?.server, 'https://one.example.org');
  });

  test('may be several files in KUBECONFIG: the first entry of a name counts, missing files do not', async () => {
    const first = await file('first', yaml(['one'], ''));
    const second = await file(
      'second',
      `${yaml(['one', 'two'], 'two').replace('one.example.org', 'shadowed')}`,
    );
    const list = [join(folder, 'missing'), first, second].join(delimiter);
    const environment = { KUBECONFIG: list, HOME: folder };
    assert.equal((await load({ environment })).getCurrentContext(), 'two');
    const one = await load({ environment, context: 'one' });
    assert.equal(one.getCurrentCluster()?.server, 'https://one.example.org');
  });

  test('may be an empty file among others in KUBECONFIG', async () => {
    const list = [await file('empty', ''), await file('full', yaml(['one'], 'one'))].join(delimiter);
    const config = await load({ environment: { KUBECONFIG: list } });
    assert.equal(config.getCurrentCluster()?.server, 'https://one.example.org');
  });

  test('may have incomplete entries that the chosen context does not use', async () => {
    const content = yaml(['one'], 'one')
      .replace('clusters:', 'clusters:\n- {name: bare, cluster: {}}\n- {cluster: {}}\n- null')
      .replace('users:', 'users:\n- {name: bare}\n- {name: lost, user: {token-file: /nowhere}}\n- {}')
      .replace('contexts:', 'contexts:\n- {name: bare, context: {namespace: y}}\n- {name: empty}');
    const config = await load({ kubeconfig: await file('incomplete', content) });
    assert.equal(config.getCurrentCluster()?.server, 'https://one.example.org');
  });

  test('has paths that start at its own folder', async () => {
    const content = yaml(['one'], 'one', '{server: "https://SERVER", certificate-authority: ca.crt}').replace(
      '{token: s3cret}',
      '{client-certificate: sub/tls.crt, client-key: /keys/tls.key}',
    );
    const config = await load({ kubeconfig: await file('paths', content) });
    assert.equal(config.getCurrentCluster()?.caFile, join(folder, 'ca.crt'));
    assert.equal(config.getCurrentUser()?.certFile, join(folder, 'sub', 'tls.crt'));
    assert.equal(config.getCurrentUser()?.keyFile, '/keys/tls.key');
  });

  test('gets the proxy of the environment, unless it names one itself', async () => {
    const environment = { HTTPS_PROXY: 'http://proxy:3128', HOME: folder };
    const plain = await load({ kubeconfig: await file('plain', yaml(['one'], 'one')), environment });
    assert.equal(plain.getCurrentCluster()?.proxyUrl, 'http://proxy:3128');
    const own = '{server: "https://SERVER", proxy-url: "http://own:1"}';
    const withOwn = await load({ kubeconfig: await file('own', yaml(['one'], 'one', own)), environment });
    assert.equal(withOwn.getCurrentCluster()?.proxyUrl, 'http://own:1');
  });
});

describe('the user of a kubeconfig', () => {
  const withUser = async (user: string) => {
    const config = await load({
      kubeconfig: await file('user', yaml(['a'], 'a').replace('{token: s3cret}', user)),
    });
    return config.getCurrentUser();
  };

  test('may have its token in a file, which goes before a token and a plugin', async () => {
    const user = await withUser('{tokenFile: sub/token, token: old, exec: {command: plugin}}');
    assert.deepEqual(user?.authProvider, {
      name: 'tokenFile',
      config: { tokenFile: join(folder, 'sub', 'token') },
    });
    assert.equal(user?.token, undefined);
    assert.equal(user?.exec, undefined);
  });

  const execInfo = async (exec: string, cluster: string) => {
    const content = yaml(['a'], 'a', cluster).replace('{token: s3cret}', `{exec: ${exec}}`);
    const config = await load({ kubeconfig: await file('exec', content) });
    const env: { name: string; value: string }[] = config.getCurrentUser()?.exec.env;
    assert.deepEqual(env.slice(0, -1), exec.includes('env') ? [{ name: 'A', value: 'b' }] : []);
    assert.equal(env.at(-1)?.name, 'KUBERNETES_EXEC_INFO');
    return JSON.parse(env.at(-1)?.value ?? '');
  };

  test('may have a plugin that is told about the cluster when it wants to be', async () => {
    const cluster = `{server: "https://SERVER", certificate-authority-data: Y2E=, tls-server-name: other,
      proxy-url: "http://proxy:1", insecure-skip-tls-verify: false, extensions: [
        {name: other, extension: {}}, {name: client.authentication.k8s.io/exec, extension: {audience: x}}]}`;
    const version = 'client.authentication.k8s.io/v1beta1';
    const plain = `{apiVersion: ${version}, command: plugin`;
    assert.deepEqual(await execInfo(`${plain}}`, cluster), {
      apiVersion: version,
      kind: 'ExecCredential',
      spec: { interactive: false },
    });
    const told = await execInfo(`${plain}, provideClusterInfo: true, env: [{name: A, value: b}]}`, cluster);
    assert.deepEqual(told.spec, {
      interactive: false,
      cluster: {
        server: 'https://a.example.org',
        'tls-server-name': 'other',
        'insecure-skip-tls-verify': false,
        'certificate-authority-data': 'Y2E=',
        'proxy-url': 'http://proxy:1',
        config: { audience: 'x' },
      },
    });
  });

  test('may have a plugin that is told of the authority that is in a file', async () => {
    await file('ca.crt', 'ca');
    const told = await execInfo(
      '{apiVersion: v1, command: plugin, provideClusterInfo: true}',
      '{server: "https://SERVER", certificate-authority: ca.crt}',
    );
    assert.equal(told.spec.cluster['certificate-authority-data'], 'Y2E=');
  });

  for (const [command, found] of [
    ['plugin', 'plugin'],
    ['/opt/plugin', '/opt/plugin'],
    ['bin/plugin', 'FOLDER/bin/plugin'],
    ['../plugin', 'FOLDER/../plugin'],
  ] as const)
    test(`may have the plugin ${command}`, async () => {
      const user = await withUser(`{exec: {command: ${command}}}`);
      const expected = found.startsWith('FOLDER') ? join(folder, found.slice(6)) : found;
      assert.equal(user?.exec.command, expected);
    });

  test('may act as another one', async () => {
    const user = await withUser('{token: t, as: ann, as-groups: [], as-uid: ""}');
    assert.equal(user?.impersonateUser, 'ann');
  });
});

describe('no usable kubeconfig', () => {
  test('none anywhere', () => refused({}, /no kubeconfig/, /npm run demo/));

  test('a path that leads nowhere', () =>
    refused({ kubeconfig: join(folder, 'nowhere') }, /nowhere does not exist/));

  test('KUBECONFIG that leads nowhere', () =>
    refused({ environment: { KUBECONFIG: join(folder, 'nowhere') } }, /nowhere does not exist/));

  test('a path that cannot be read', () => refused({ kubeconfig: folder }, /cannot be read \(EISDIR\)/));

  const malformed: [string, string, RegExp][] = [
    ['no YAML', 'users:\n- token: "s3cret\n  {', /not a valid kubeconfig, at line \d/],
    ['an empty file', '', /has no current context/],
    ['a text', 's3cret', /no current context/],
    ['a cluster without a server', yaml(['a'], 'a', '{s3cret: 1}'), /server of context "a" is no https/],
    ['a context that is empty', 'current-context: a\ncontexts: [{name: a}]', /"a" names no cluster/],
  ];
  for (const [name, content, message] of malformed)
    test(name, async () => refused({ kubeconfig: await file('malformed', content) }, message));

  test('no current context: the ones there are are named', async () =>
    refused({ kubeconfig: await file('none', yaml(['one', 'two'], '')) }, /no current context/, /one, two/));

  test('an unknown context: the ones there are are named', async () =>
    refused(
      { kubeconfig: await file('unknown', yaml(['one', 'two'], 'one')), context: 'three' },
      /no context "three"/,
      /one, two/,
    ));

  test('a context whose cluster is not there', async () =>
    refused(
      {
        kubeconfig: await file(
          'lost',
          'current-context: a\ncontexts: [{name: a, context: {cluster: b, user: b}}]',
        ),
      },
      /"a" names a cluster that the kubeconfig lacks/,
    ));

  for (const server of ['http://plain.example.org', 'nonsense'])
    test(`a server that is ${server}`, async () =>
      refused({ kubeconfig: await file('server', yaml(['a'], 'a', `{server: "${server}"}`)) }, /no https/));

  for (const field of ['as-groups: [admins]', 'as-uid: "7"', 'as-user-extra: {scopes: [view]}'])
    test(`a user with ${field}`, async () => {
      const content = yaml(['a'], 'a').replace('{token: s3cret}', `{token: s3cret, as: ann, ${field}}`);
      const name = field.replace(/:.*/, '');
      await refused(
        { kubeconfig: await file('as', content) },
        new RegExp(`user "a" .* ${name},`),
        /--context/,
      );
    });

  test('a proxy-url that is none', async () => {
    const cluster = '{server: "https://SERVER", proxy-url: "s3cret"}';
    await refused({ kubeconfig: await file('proxy', yaml(['a'], 'a', cluster)) }, /proxy-url of context "a"/);
  });
});
