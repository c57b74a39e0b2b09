# A repository's life: files added and changed over several commits, looked at, packed.  Dates and names are fixed by
# the environment, so that every hash is the same each time.
set -e
repo=$1 files=$2
git init -q -b main "$repo"
cd "$repo"
git config gc.auto 0
git config pack.threads 2
for turn in 1 2 3 4; do
  awk -v files="$files" -v turn="$turn" 'BEGIN {
    for (i = turn == 1 ? 1 : turn; i <= files; i += turn == 1 ? 1 : 5) {
      name = sprintf("file%04d.txt", i)
      for (line = 1; line <= 40; line++)
        printf "line %d of %s: %d\n", line, name, (i * 7919 + (line % 9 == 0 ? turn : 0) * 104729) % 1000003 > name
      close(name)
    }
  }' </dev/null
  git add .
  git commit -q -m "Turn $turn"
done
git log -p --stat | cksum
git gc -q
git rev-list --objects --all | sort | cksum
git grep -c 'line 9' | cksum
git fsck --full 2>&1
git rev-parse HEAD
