() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = text
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1)
  const light = ([r, g, b]) =>
    [r, g, b]
      .map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const ground = (node) => {
    const layers = []
    for (let each = node; each; each = each.parentElement) layers.push(rgba(getComputedStyle(each).backgroundColor))
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1])
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement
    const box = node.getBoundingClientRect()
    if (
      !walker.currentNode.textContent.trim() ||
      !box.width ||
      !box.height ||
      !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    )
      continue
    if (node.closest(".scale, .unseen, option, .skip, noscript")) continue
    const style = getComputedStyle(node)
    const under = ground(node)
    const ink = over(rgba(style.color), under)
    const [high, low] = [light(ink), light(under)].sort((a, b) => b - a)
    const large =
      parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700)
    const ratio = (high + 0.05) / (low + 0.05)
    if (style.fontSize !== "0px" && ratio < (large ? 3 : 4.5))
      found.push(
        `${ratio.toFixed(2)} ${node.className || node.tagName}: ${walker.currentNode.textContent.trim().slice(0, 30)}`,
      )
  }
  return found
}
