# Makes `make help` of the Makefile: a heading per "## words", a line per "target: ... ## words".
BEGIN { if (colour) { bold = "\033[1m"; cyan = "\033[36m"; plain = "\033[0m" } }
/^## / { printf "%s%s%s%s\n", (NR > 1 && seen++ ? "\n" : ""), bold, substr($0, 4), plain }
/^[a-z0-9-]+:.*## / {
  split($0, part, /:.*## /)
  printf "  %s%-21s%s %s\n", cyan, part[1], plain, part[2]
}
