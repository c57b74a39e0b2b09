import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;

public class Objects {
  static String work(int seed) throws Exception {
    Random random = new Random(seed);
    TreeMap<String, Integer> count = new TreeMap<>();
    for (int i = 0; i < 40000; ++i) count.merge("w" + random.nextInt(2000), 1, Integer::sum);
    Deflater deflater = new Deflater();
    deflater.setInput(count.toString().getBytes());
    deflater.finish();
    int packed = deflater.deflate(new byte[1 << 20]);
    deflater.end();
    return seed + " " + count.size() + " " + count.toString().hashCode() + " " + packed;
  }
  public static void main(String[] arguments) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(3);
    List<Future<String>> all = new ArrayList<>();
    for (int i = 0; i < 6; ++i) { final int seed = i; all.add(pool.submit(() -> work(seed))); }
    for (Future<String> one : all) System.out.println(one.get());
    pool.shutdown();
    System.out.println(IntStream.range(0, 1000).boxed().collect(Collectors.groupingBy(i -> i % 7)).get(3).size());
    System.err.println("to standard error");
  }
}
