async (rate) => {
  const { Resampler } = await import("/console/softphone-resample.js")
  const signal = Float32Array.from(
    { length: rate },
    (_, n) => Math.sin((2 * Math.PI * 3000 * n) / rate) + Math.sin((n * n) / 1e5),
  )
  const whole = [...new Resampler(rate, 8000).push(signal)]
  const pieces = new Resampler(rate, 8000),
    parts = []
  for (let at = 0, size = 1; at < rate; at += size, size = 1 + ((size * 7) % 500))
    parts.push(...pieces.push(signal.slice(at, at + size)))
  return { whole: whole.length, equal: parts.length === whole.length && parts.every((value, n) => value === whole[n]) }
}
