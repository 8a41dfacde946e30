import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lacksProgram } from '../../../src/adapters/kubernetes/exec-status.ts';

const CONTAINERD =
  'Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "0a1b": OCI runtime exec failed: exec failed: ';
const RUNC = `${CONTAINERD}unable to start container process: `;
const CRUN = 'Internal error occurred: error executing command in container: exec failed: crun: ';

describe('a program that is not there, or may not be executed', () => {
  const lacking: readonly (readonly [string, string])[] = [
    ['bash', `${RUNC}exec: "bash": executable file not found in $PATH: unknown`],
    [
      'sh',
      `${CONTAINERD}starting container process caused "exec: \\"sh\\": executable file not found in $PATH"`,
    ],
    ['/bin/bash', `${RUNC}exec: "/bin/bash": stat /bin/bash: no such file or directory: unknown`],
    ['/bin/bash', `${RUNC}exec: "/bin/bash": permission denied: unknown`],
    ['sh', `${RUNC}exec /bin/sh: no such file or directory: unknown`],
    ['sh', `${CRUN}executable file \`sh\` not found in $PATH: No such file or directory`],
    ['/bin/sh', `${CRUN}executable file \`/bin/sh\` not found: No such file or directory`],
    ['sh', `${CRUN}open executable: Permission denied`],
  ];
  for (const [program, message] of lacking)
    test(`${program}: ${message.slice(message.indexOf('exec failed'))}`, () => {
      assert.equal(lacksProgram(message, program), true);
    });
});

describe('a command that did not get as far as its program', () => {
  const others = [
    'error dialing backend: dial tcp 10.0.0.1:10250: connect: connection refused',
    'error dialing backend: No agent available',
    'error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout',
    'unable to upgrade connection: container not found ("skopeo")',
    'dial unix /run/containerd/containerd.sock: connect: no such file or directory',
    'dial unix /run/containerd/containerd.sock: connect: permission denied',
    `${RUNC}error executing setns process: exit status 1: unknown`,
    `${RUNC}error adding pid 7 to cgroups: open /sys/fs/cgroup/pids/tasks: no such file or directory: unknown`,
    `${CONTAINERD}open /proc/self/fd: no such file or directory: unknown`,
    `${CONTAINERD}cannot exec in a stopped container: unknown`,
    'failed to start exec "0a1b": exec: "runc": executable file not found in $PATH',
    'fork/exec /usr/bin/runc: resource temporarily unavailable',
    'context deadline exceeded',
    'the cluster does not say why',
  ];
  for (const message of others)
    test(message.slice(-70), () => assert.equal(lacksProgram(message, 'sh'), false));
});
