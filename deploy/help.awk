# Prints the targets of a Makefile that carry a `## help` comment, under their `##@ sections`.
BEGIN            { FS = ":[^#]*## "; print "Quintet. Start with: make run" }
/^##@ /          { printf "\n%s\n", substr($0, 5) }
/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $1, $2 }
