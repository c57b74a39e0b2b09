import time

kept = []
while True:
    kept.extend("x" * (650 + 12 * i) for i in range(20))
    time.sleep(0.02)
