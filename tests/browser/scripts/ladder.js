() => {
  const probe = document.createElement("i")
  document.body.append(probe)
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
  const light = (name) => {
    probe.style.color = `var(${name})`
    canvas.fillStyle = getComputedStyle(probe).color
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
      .slice(0, 3)
      .map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  }
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x)
    return (high + 0.05) / (low + 0.05)
  }
  return [0, 1, 2, 3, 4, 5, 6].map((rung) => [
    ratio("--on-rung", `--r${rung}`),
    ratio(`--r${rung}`, "--sunk"),
    ratio("--soft", "--sunk"),
  ])
}
