using Vitrine.Devices.Virtio;
using Vitrine.Devices.Virtio.Block;
using Vitrine.Devices.Virtio.Entropy;
using Xunit;

namespace Vitrine.Tests.Devices.Virtio;

/// <summary>Drivers that break the rules: the device says that it needs a reset, or gives the chain back, and works again after a reset.</summary>
public sealed class HostileDriverTests
{
    private const ulong Data = VirtioDriver.Data;

    public static TheoryData<string> Faults => ["head", "next", "loop", "jump"];

    [Theory]
    [MemberData(nameof(Faults))]
    public void BrokenRingsNeedAResetAndWorkAfterIt(string fault)
    {
        using VirtioDriver driver = Entropy();
        driver.Start();
        driver.SetDescriptor(0, Data, 16, VirtioDriver.Write, 0);
        switch (fault)
        {
            case "head": driver.Offer(VirtioDriver.QueueSize); break;
            case "next":
                driver.SetDescriptor(0, Data, 16, VirtioDriver.Write | VirtioDriver.Next, VirtioDriver.QueueSize);
                driver.Offer(0);
                break;
            case "loop":
                driver.SetDescriptor(0, Data, 16, VirtioDriver.Write | VirtioDriver.Next, 1);
                driver.SetDescriptor(1, Data, 16, VirtioDriver.Write | VirtioDriver.Next, 0);
                driver.Offer(0);
                break;
            case "jump":
                driver.SetAvailableIndex(VirtioDriver.QueueSize + 1);
                driver.Notify();
                break;
        }

        Assert.Equal(15 | VirtioDriver.NeedsReset, driver.Status);
        Assert.Equal(2u, driver.Read(0x60) & 2); // told as a change of the configuration (2.1.2)
        Assert.Equal(0, driver.UsedIndex);
        driver.Offer(0);
        Assert.Equal(0, driver.UsedIndex);
        Works(driver);
    }

    [Theory]
    [InlineData(0x7000_0000ul, VirtioDriver.Available, VirtioDriver.Used)]
    [InlineData(VirtioDriver.Descriptors, 0x7000_0000ul, VirtioDriver.Used)]
    [InlineData(VirtioDriver.Descriptors, VirtioDriver.Available, 0x7000_0000ul)]
    [InlineData(VirtioDriver.Descriptors, VirtioDriver.Available, 0xFFFFFul & ~3ul)] // begins in memory, ends outside
    [InlineData(VirtioDriver.Descriptors + 8, VirtioDriver.Available, VirtioDriver.Used)]
    [InlineData(VirtioDriver.Descriptors, VirtioDriver.Available + 1, VirtioDriver.Used)]
    [InlineData(VirtioDriver.Descriptors, VirtioDriver.Available, VirtioDriver.Used + 2)]
    [InlineData(ulong.MaxValue - 15, VirtioDriver.Available, VirtioDriver.Used)]
    public void RingsElsewhereOrUnalignedNeedAReset(ulong descriptors, ulong available, ulong used)
    {
        using VirtioDriver driver = Entropy();
        driver.Start(descriptors, available, used);
        Assert.Equal(15 | VirtioDriver.NeedsReset, driver.Status);
        Works(driver);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(24)] // no whole descriptors
    [InlineData(128 * 16)] // more than the device's queue has
    [InlineData(48)] // its last leads on, out of it
    [InlineData(32)] // nested
    [InlineData(16)] // in no memory
    public void AMalformedTableComesBackEmpty(int length)
    {
        const ulong Table = 0x8000;
        using VirtioDriver driver = Entropy();
        driver.Start();
        driver.SetDescriptor(0, Data, 16, VirtioDriver.Write | VirtioDriver.Next, 1, Table);
        driver.SetDescriptor(1, Data, 16, (ushort)(length == 32 ? VirtioDriver.Indirect : VirtioDriver.Write | VirtioDriver.Next), 2, Table);
        driver.SetDescriptor(2, Data, 16, VirtioDriver.Write | VirtioDriver.Next, 3, Table);
        driver.SetDescriptor(0, length == 16 ? 0x7000_0000 : Table, (uint)length, VirtioDriver.Indirect, 0);
        driver.Offer(0);
        Assert.Equal((0u, 0u), driver.LastUsed());
        Assert.Equal(15u, driver.Status);
        driver.SetDescriptor(1, Data, 16, VirtioDriver.Write, 0);
        driver.Offer(1);
        Assert.Equal((1u, 16u), driver.LastUsed());
    }

    [Fact]
    public void ChainsInTheWrongOrderComeBackEmpty()
    {
        using VirtioDriver driver = Entropy();
        driver.Start();
        driver.SetDescriptor(0, Data, 16, VirtioDriver.Write | VirtioDriver.Next, 1);
        driver.SetDescriptor(1, Data, 16, 0, 0);
        driver.Offer(0);
        Assert.Equal((0u, 0u), driver.LastUsed());
        Assert.Equal(15u, driver.Status);
    }

    [Fact]
    public void NothingIsDoneBeforeTheDriverHasBegun()
    {
        using VirtioDriver driver = Entropy();
        driver.Notify();
        driver.WriteRegister(0x70, 15); // DRIVER_OK without features
        Assert.Equal(3u, driver.Status);
        driver.Notify();
        driver.Notify(1000);
        Assert.Equal(0, driver.UsedIndex);
        Works(driver);
    }

    /// <summary>After a reset nothing of before reaches the guest's memory.</summary>
    [Fact]
    public void AResetTakesBackWhatIsInFlight()
    {
        MemoryDisk disk = new(4096);
        disk.Bytes.AsSpan().Fill(0xAA);
        Vitrine.Devices.Io.IIoQueue? queue = null;
        using VirtioDriver driver = new(io => new VirtioBlock("disk0", disk, "", 1, queue = io));
        driver.Start();
        driver.Set(Data, new byte[16]);
        driver.SetDescriptor(0, Data, 16, VirtioDriver.Next, 1);
        driver.SetDescriptor(1, Data + 0x1000, 513, VirtioDriver.Write, 0);
        driver.Set(VirtioDriver.Available, [0, 0, 1, 0, 0, 0]);
        driver.WriteRegister(0x50, 0); // nobody works yet
        Assert.Equal(1, queue!.InFlight);
        driver.WriteRegister(0x70, 0);
        driver.Work();
        Assert.Equal(0, queue.InFlight);
        Assert.All(driver.Get(Data + 0x1000, 513), static value => Assert.Equal(0, value));
        Assert.Equal(0, driver.UsedIndex);
    }

    /// <summary>Random registers, rings and descriptors: no exception, an end, and a device that works after a reset. VITRINE_VIRTIO_FUZZ is how many rounds.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RandomDriversDoNoHarm(bool isBlock)
    {
        int rounds = (int)RunSetting.Read("VITRINE_VIRTIO_FUZZ", 300);
        Random random = new(isBlock ? 1 : 2);
        using VirtioDriver driver = isBlock ? new(queue => new VirtioBlock("disk0", new MemoryDisk(4096), "", 1, queue)) : Entropy();
        ulong[] places = [0, VirtioDriver.Descriptors, VirtioDriver.Available, VirtioDriver.Used, Data, 0xFFFF0, 0xFEB0_0000, 0x7000_0000, ulong.MaxValue - 7];
        for (int round = 0; round < rounds; round++)
        {
            driver.Start(
                random.Next(4) == 0 ? places[random.Next(places.Length)] : VirtioDriver.Descriptors,
                random.Next(4) == 0 ? places[random.Next(places.Length)] : VirtioDriver.Available,
                random.Next(4) == 0 ? places[random.Next(places.Length)] : VirtioDriver.Used);
            for (int i = 0; i < 60; i++)
            {
                ulong place = places[random.Next(places.Length)] + (ulong)random.Next(32);
                switch (random.Next(8))
                {
                    case 0 or 1 or 2:
                        int number = random.Next(VirtioDriver.QueueSize);
                        driver.SetDescriptor(number, place, (uint)random.Next(random.Next(3) == 0 ? int.MaxValue : 600), (ushort)random.Next(8), (ushort)random.Next(9));
                        break;
                    case 3 or 4: driver.Offer((ushort)random.Next(VirtioDriver.QueueSize + (random.Next(9) / 8))); break;
                    case 5: driver.WriteRegister(random.Next(64) * 4, (uint)random.Next(16)); break;
                    case 6: _ = driver.Read(random.Next(80) * 4); break;
                    default:
                        if (random.Next(20) == 0) driver.SetAvailableIndex((ushort)random.Next(ushort.MaxValue));
                        driver.Notify((uint)random.Next(3));
                        break;
                }
            }

            driver.Work();
        }

        if (!isBlock) Works(driver);
    }

    [Fact]
    public void ADeviceThatWasLoadedGoesOn()
    {
        using VirtioDriver first = Entropy();
        first.Start();
        first.SetDescriptor(0, Data, 16, VirtioDriver.Write, 0);
        first.Offer(0);
        using Io.IoFixture io = new();
        Vitrine.Devices.Io.IoQueue queue = io.Completions.CreateQueue("rng0", 2, workers: 0);
        VirtioMmio second = new(new LineRecorder().Line(16), first.Memory, new VirtioEntropy("rng0", queue));
        second.Load(first.Device.Save());
        Assert.Equal(first.Device.Save().State.GetRawText(), second.Save().State.GetRawText());

        // The second chain of the same rings: the first device would take the first one again if it had forgotten where it was.
        first.SetDescriptor(5, Data, 48, VirtioDriver.Write, 0);
        first.Set(VirtioDriver.Available + 6, [5, 0]);
        first.SetAvailableIndex(2);
        lock (io.DeviceLock) second.WriteMemory(0x50, 4, 0);
        Assert.True(queue.PerformNext());
        Assert.Equal(2, first.UsedIndex);
        Assert.Equal((5u, 48u), first.LastUsed());
    }

    private static VirtioDriver Entropy() => new(static queue => new VirtioEntropy("rng0", queue));

    private static void Works(VirtioDriver driver)
    {
        driver.Start();
        Assert.Equal(15u, driver.Status);
        driver.Set(Data, new byte[64]);
        driver.SetDescriptor(3, Data, 64, VirtioDriver.Write, 0);
        driver.Offer(3);
        Assert.Equal((3u, 64u), driver.LastUsed());
        Assert.Contains(driver.Get(Data, 64), static value => value != 0);
        Assert.Equal(15u, driver.Status);
    }
}
