import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Machine } from './machine.ts';

export const SYSTEM_POLICY = '#!/bin/sh\n# the administrator allows everything\nexit 0\n';
export const OPTIONS = '-y -q --no-install-recommends -o DPkg::Lock::Timeout=120';
const PROGRAMS = 'skopeo docker-registry chromium';
/** The two calls that install all programs. */
export const DOWNLOAD = `apt-get install ${OPTIONS} --download-only ${PROGRAMS}`;
export const INSTALL = `apt-get install ${OPTIONS} -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold ${PROGRAMS}`;

/** A throw-away Debian machine on which npm packages are in place and none of the programs is. */
export class Debian extends Machine {
  readonly policy = path.join(this.root, 'usr/sbin/policy-rc.d');

  constructor() {
    super();
    const node = { version: '24.0.1' };
    const lock = JSON.stringify({ packages: { '': {}, 'node_modules/node': node } });
    for (const clone of [this.clone('clone'), this.clone('clone2')]) {
      mkdirSync(path.join(clone, 'node_modules'));
      writeFileSync(path.join(clone, 'package-lock.json'), lock);
      writeFileSync(path.join(clone, 'node_modules/.package-lock.json'), lock);
      this.write(
        path.relative(this.dir, path.join(clone, 'node_modules/.bin/node')),
        '#!/bin/sh\necho v24.0.1\n',
      );
    }
    this.write('root/var/lib/apt/lists/debian_main_binary-amd64_Packages', '');
    this.fake('id', 'echo 0');
    this.fake('dpkg-query', `for name; do :; done; [ -e '${this.dir}/installed-'$name ] && echo installed`);
    for (const name of ['systemctl', 'update-rc.d']) this.fake(name);
    // As the real one, which otherwise takes itself to be called by a person.
    this.fake('deb-systemd-helper', '[ "$DPKG_MAINTSCRIPT_PACKAGE" = docker-registry ]');
    this.fakeApt();
  }

  /** An apt-get that asks the policy as dpkg does, and installs what it is told to. */
  fakeApt({ whileDownloading = '', whileInstalling = '', status = 0 } = {}): void {
    this.fake(
      'apt-get',
      `case "$*" in
update*) exit 0 ;;
*--download-only*) ${whileDownloading || ':'} ;;
*)
  if [ -x '${this.policy}' ]; then '${this.policy}' docker-registry start; note "policy answers $?"; else note "policy allows"; fi
  note "$DEBIAN_FRONTEND"
  ${whileInstalling || ':'}
  if [ ${status} = 0 ]; then
    /bin/mkdir -p '${this.root}/usr/bin'
    for name in ${PROGRAMS}; do
      case " $* " in *" $name "*) ;; *) continue ;; esac
      echo > '${this.root}/usr/bin/'$name; /bin/chmod +x '${this.root}/usr/bin/'$name; echo > '${this.dir}/installed-'$name
    done
  fi
  exit ${status} ;;
esac`,
    );
  }

  setSystemPolicy(): void {
    this.write('root/usr/sbin/policy-rc.d', SYSTEM_POLICY);
    chmodSync(this.policy, 0o750);
    utimesSync(this.policy, 1_000_000_000, 1_000_000_000);
  }

  assertSystemPolicyIsBack(): void {
    assert.equal(readFileSync(this.policy, 'utf8'), SYSTEM_POLICY);
    const { mode, mtimeMs } = lstatSync(this.policy);
    assert.equal(mode & 0o7777, 0o750);
    assert.equal(mtimeMs, 1_000_000_000_000);
    assert.ok(!existsSync(`${this.policy}.docker-registry-cleaner`), 'nothing left beside it');
  }

  prepare({ clone = 'clone', env = {}, what = 'everything' } = {}) {
    return this.startSetup([what, '--root', this.root], { clone: path.join(this.dir, clone), env });
  }

  /** The calls, without the questions. */
  acts(): string[] {
    return this.calls().filter((call) => !/^(id|dpkg-query|sudo -n true)\b/.test(call));
  }
}
