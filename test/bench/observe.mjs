// Looking into guests: captures, hot reads, the monitor, watches, and finding the kernel.

function measureCaptures({row, measure, quantile}, cpus, aim, ...churn) {
  const series = measure('bench_observe', 'capture', String(cpus), ...churn);
  const what = `capture of ${series.maps.at(-1)} maps, ${series.tasks.at(-1)} tasks, ${cpus} vCPUs${churn.length > 0 ? ', while they come and go' : ''}`;
  row(`${what}: guest is paused`, 'ms wall', series.pause_ms, {theirs: series.empty_ms, aim});
  row('  the same, p95', 'ms wall', quantile(series.pause_ms, 0.95), {theirs: quantile(series.empty_ms, 0.95), aim});
  if (churn.length > 0) return;
  row('  of it asking for the registers', 'ms wall', series.registers_ms);
  row('  of it copying', 'ms wall', series.copy_ms);
  row('  the report, while the guest runs', 'ms wall', series.render_ms);
  row('  the first capture: guest is paused', 'ms wall', series.first_pause_ms);
}

function measureReads({row, measure, quantile}, start, name) {
  const series = measure('bench_observe', 'reads', start);
  row(`hot read of a u64 by symbol, ${name}; theirs: QEMU's monitor`, 'us wall', series.hot_us,
      {theirs: series.monitor_us, aim: '< 2'});
  row('  the same; theirs: QEMU\'s debugger stub, guest paused', 'us wall', series.hot_us, {theirs: series.stub_us});
  row('  the same, p95', 'us wall', quantile(series.hot_us, 0.95), {aim: '< 2'});
  row('  through the page tables', 'us wall', series.walk_us);
}

function measureWatches({row, measure}) {
  const series = measure('bench_observe', 'watch');
  for (const [key, name] of [['count', 'count mode, no bound'], ['value', 'value mode, no bound'],
                             ['count_in_budget', 'count mode, bounded as in a run']]) {
    row(`watch on rq.clock: ${name}`, 'fires/s', series[key].per_second);
    row('  guest is paused', '% of time', series[key].paused_percent);
  }
}

export function measureObserve(tools) {
  const {row, measure} = tools;
  measureCaptures(tools, 2, '<= 10');
  measureCaptures(tools, 8, '<= 20');
  measureCaptures(tools, 2, '', 'churn');
  measureReads(tools, 'clone', 'clone');
  measureReads(tools, 'boot', 'booted guest');
  for (const cpus of [2, 8]) {
    const series = measure('bench_observe', 'monitor', String(cpus));
    row(`monitor, ${cpus} busy vCPUs: a sample`, 'us CPU', series.sample_us);
    row('  at 10 Hz', '% of a vCPU', series.percent, {aim: '< 1'});
  }
  measureWatches(tools);
  const open = measure('bench_observe', 'open');
  row('find a clone\'s kernel: the first', 'ms wall', open.first_ms);
  row('  a further one', 'ms wall', open.again_ms);
}
