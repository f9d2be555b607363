// `verify` of four schedulers, each in a clone of one template, against one boot for each.
import {join} from 'node:path';

/// All attach on every machine; scx_central, which does only when its init happens to run on CPU 0, is left out.
const kSchedulers = ['scx_simple', 'scx_qmap', 'scx_flatcg', 'ktstr_scx'];

export function measureVerify({program, time, row, scratch, rounds}) {
  const verify = (name, ...more) => time(program, 'verify', '--accel', 'tcg', '--topology', '1n1l2c1t', '--out',
                                         join(scratch, `verify-${name}`),
                                         ...kSchedulers.flatMap((scheduler) => ['--scheduler', scheduler]), ...more);
  verify('warm');
  const clones = [], boots = [], cpu = [];
  for (let round = 0; round < Math.ceil(rounds / 4); round += 1) {
    const took = verify(`clones-${round}`);
    clones.push(took.wall_ms);
    cpu.push(took.cpu_ms);
    boots.push(verify(`boots-${round}`, '--no-clone').wall_ms);
  }
  row('verify four schedulers on one kernel, template in the cache', 'ms wall', clones, {theirs: boots, aim: '<= 10000'});
  row('  the same', 'ms CPU', cpu);
}
