import java.util.*;

/** Collections, strings, virtual calls, floating point and threads. */
public final class Compute {
    private static int seed = 7;

    private static int random(int limit) {
        seed = (seed * 1103515245 + 12345) & 0x7fffffff;
        return seed % limit;
    }

    private interface Shape { long area(); }
    private record Square(long a) implements Shape { public long area() { return a * a; } }
    private record Circle(long a) implements Shape { public long area() { return 3 * a * a; } }
    private record Line(long a) implements Shape { public long area() { return a; } }

    private static long shapes() {
        Shape[] all = new Shape[1000];
        for (int i = 0; i < all.length; i++) {
            int kind = random(3), size = random(10);
            all[i] = kind == 0 ? new Square(size) : kind == 1 ? new Circle(size) : new Line(size);
        }
        long sum = 0;
        for (int round = 0; round < 100000; round++) for (Shape shape : all) sum += shape.area();
        return sum;
    }

    private static long words() {
        Map<String, Integer> seen = new HashMap<>();
        for (int i = 0; i < 600000; i++) seen.merge("w" + random(5000), 1, Integer::sum);
        List<String> keys = new ArrayList<>(seen.keySet());
        keys.sort(Comparator.comparing((String key) -> seen.get(key)).thenComparing(Comparator.naturalOrder()));
        StringBuilder text = new StringBuilder();
        for (String key : keys) text.append(key).append('=').append(seen.get(key)).append(';');
        return text.toString().hashCode();
    }

    private static long matrix() {
        int n = 480;
        double[][] a = new double[n][n], b = new double[n][n], c = new double[n][n];
        for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) { a[i][j] = random(100) / 8.0; b[i][j] = random(100) / 8.0; }
        for (int i = 0; i < n; i++) for (int k = 0; k < n; k++) for (int j = 0; j < n; j++) c[i][j] += a[i][k] * b[k][j];
        long sum = 0;
        for (int i = 0; i < n; i++) sum = sum * 31 + Double.doubleToLongBits(c[i][i * 7 % n]);
        return sum;
    }

    private static long lists() {
        long sum = 0;
        for (int round = 0; round < 60; round++) {
            LinkedList<int[]> live = new LinkedList<>();
            for (int i = 0; i < 30000; i++) {
                live.add(new int[8 + i % 16]);
                if (i % 3 == 0) sum += live.removeFirst().length;
            }
        }
        return sum;
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length == 0) {
            System.out.println("hello");
            return;
        }
        long[] fromThread = new long[1];
        Thread thread = new Thread(() -> fromThread[0] = lists());
        thread.start();
        System.out.println(shapes() + " " + words() + " " + matrix());
        thread.join();
        System.out.println(fromThread[0]);
    }
}
