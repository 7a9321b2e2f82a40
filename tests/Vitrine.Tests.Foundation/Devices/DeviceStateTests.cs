using System.Text.Json;
using Vitrine.Devices;
using Vitrine.Devices.State;
using Vitrine.Errors;
using Vitrine.Tests.State;
using Xunit;

namespace Vitrine.Tests.Devices;

/// <summary>What devices save is all that they hold, and what they load is checked.</summary>
public sealed class DeviceStateTests
{
    public static TheoryData<string> Names => [.. new DeviceRig().Devices.Select(device => device.Name)];

    /// <summary>The same events make a device that was loaded do what the one does that was saved, line for line.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void ALoadedDeviceGoesOnAsTheSavedOneDoes(int seed)
    {
        for (int round = 0; round < 10; round++)
        {
            Random random = new((seed * 1000) + round);
            DeviceRig first = new();
            int before = random.Next(2_000);
            for (int i = 0; i < before; i++) first.Happen(random);
            DeviceRig second = new(first.Clock.Nanoseconds);
            second.Load(first.Save());
            foreach (byte vector in first.PendingEois) second.PendingEois.Enqueue(vector);
            Assert.Equal(first.Save(), second.Save());
            (first.Log, second.Log) = ([], []);
            int next = random.Next();
            (Random a, Random b) = (new(next), new(next));
            for (int i = 0; i < 500; i++)
            {
                first.Happen(a);
                second.Happen(b);
            }

            Assert.Equal(first.Log, second.Log);
            Assert.Equal(first.Save(), second.Save());
        }
    }

    [Fact]
    public void AResetDeviceIsAsANewOne()
    {
        DeviceRig rig = new();
        Random random = new(5);
        for (int i = 0; i < 5_000; i++) rig.Happen(random);
        foreach (IDevice device in rig.Devices) device.Reset();
        Assert.Equal(new DeviceRig(rig.Clock.Nanoseconds).Save(), rig.Save());

        // No timer is left either.
        rig.Log = [];
        rig.Clock.Advance(10_000_000_000);
        Assert.Empty(rig.Log);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ADamagedStateIsRefusedOrDoesNoHarm(string name)
    {
        int index = new DeviceRig().Devices.Select(device => device.Name).ToList().IndexOf(name);
        for (int seed = 0; seed < 60; seed++)
        {
            Random random = new(seed);
            DeviceRig rig = new();
            for (int i = 0; i < 300; i++) rig.Happen(random);
            string damaged = JsonDamage.Apply(rig.Devices[index].Save().State.GetRawText(), random);
            DeviceRig victim = new(rig.Clock.Nanoseconds);
            try
            {
                DeviceRig.Load(victim.Devices[index], damaged);
            }
            catch (VitrineException error)
            {
                Assert.Contains($"state of {name} can't be loaded", error.Message, StringComparison.Ordinal);
                Assert.Equal(new DeviceRig(rig.Clock.Nanoseconds).Save(), victim.Save());
            }
            catch (JsonException)
            {
                // Not even JSON: that is found before a device is asked.
            }

            _ = victim.Devices[index].Inspect().ToList();
            for (int i = 0; i < 100; i++) victim.Happen(random);
        }
    }

    /// <summary>Each number of a state at each power of two: none that is accepted keeps the thread of the timers busy, or throws later.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void NumbersAtTheirExtremesAreRefusedOrDoNoHarm(string name)
    {
        int index = new DeviceRig().Devices.Select(device => device.Name).ToList().IndexOf(name);
        // The timer's mode, with counter 0's interrupts; then the clock's periodic, alarm and update interrupts, and the power timer's.
        for (int mode = name == "pit" ? 0 : 5; mode < 6; mode++)
        {
            Random random = new(mode);
            DeviceRig rig = new();
            (int Port, int Value)[] program =
                [(0x43, 0x30 | (mode << 1)), (0x40, 0), (0x40, 0x10), (0x43, 0xB0 | (mode << 1)), (0x42, 9), (0x42, 0), (0x70, 0xB), (0x71, 0x72), (0x602, 1)];
            foreach ((int port, int value) in program) rig.Ports.Access((ushort)port, 1, isWrite: true, [(byte)value]);
            rig.Clock.Advance(10_000_000);
            string state = rig.Devices[index].Save().State.GetRawText();
            foreach (string extreme in JsonDamage.Extremes(state))
            {
                DeviceRig victim = new(rig.Clock.Nanoseconds);
                try
                {
                    DeviceRig.Load(victim.Devices[index], extreme);
                }
                catch (VitrineException)
                {
                    continue;
                }

                _ = victim.Devices[index].Inspect().ToList();
                victim.Clock.Advance(1_000_000);
                for (int i = 0; i < 3; i++) victim.Happen(random);
                _ = victim.Devices[index].Inspect().ToList();
                DeviceRig.Load(victim.Devices[index], victim.Devices[index].Save().State.GetRawText());
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AnotherVersionOrDeviceIsRefused(string name)
    {
        IDevice device = Assert.Single(new DeviceRig().Devices, device => device.Name == name);
        DeviceState saved = device.Save();
        device.Load(saved);
        DeviceState[] wrong =
        [
            saved with { Version = saved.Version + 1 },
            saved with { Name = "other" },
            saved with { State = JsonElement.Parse("""{"unheardOf":1}""") },
            saved with { State = JsonElement.Parse("[]") },
            saved with { State = default },
        ];
        Assert.All(wrong, state => Assert.Throws<VitrineException>(() => device.Load(state)));
    }
}
