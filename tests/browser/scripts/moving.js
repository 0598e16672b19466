/** How many elements would move. */
() =>
  [...document.querySelectorAll("*")].filter((node) => {
    const style = getComputedStyle(node)
    return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0
  }).length
