# A shell forks for every parenthesis; arrays and strings are its heap.
declare -A count
for i in {1..3000}; do word=w$((i * 7919 % 211)); count[$word]=$((${count[$word]:-0} + 1)); done
for word in "${!count[@]}"; do echo "$word ${count[$word]}"; done | sort | head -20
for i in {1..60}; do (echo "$i" | tr 0-9 a-j | rev); done | paste -sd, | fold -w 60
seq 1 20000 | awk '{ s += $1; a[$1 % 100] = a[$1 % 100] $1 } END { print s, length(a[7]) }' | tee >(wc -c > wc.txt)
text=$(printf 'line %s\n' {1..2000}); echo "${#text}" "${text:0:20}" "${text//line/row}" | md5sum
for i in 1 2 3 4; do { for j in {1..300}; do x=$(echo $((i * j))); done; echo "$x" > "out$i"; } & done; wait
cat out1 out2 out3 out4 | xargs -n 2 -P 1 echo
no_such_command_here
exit 3
